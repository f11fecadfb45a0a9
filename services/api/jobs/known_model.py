"""What is known of a model before any worker is asked."""

from dataclasses import dataclass
from typing import Final, Self

import structlog

from f5_tts_core import limits
from f5_tts_core.engine import EngineConfig
from f5_tts_core.errors import ModelError
from f5_tts_core.manifest import resolve_manifest
from f5_tts_core.plan import Planner
from f5_tts_core.text.vocabulary import load_vocabulary
from services.api.forms.languages import Languages, spoken_languages
from services.shared.settings import Settings

log = structlog.get_logger(__name__)

#: The engines that read text with an F5-TTS vocabulary; of others we do not know what they read.
_F5_ENGINES: Final = ("f5", "upstream")


@dataclass(frozen=True)
class KnownModel:
    """What is not known here, the worker judges. Thread-safe, free of torch."""

    languages: Languages
    #: Knows what can be spoken; None where the model's files are not on this machine.
    planner: Planner | None = None
    #: So much of a reference is heard.
    reference_seconds: float = limits.DEFAULT_REFERENCE_SECONDS

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """The one that MODEL_NAME and CKPT_PATH name; without its vocabulary where its files are not here."""
        if settings.engine not in _F5_ENGINES:
            return cls(Languages())
        languages = Languages(spoken_languages(settings.engine_config()))
        try:
            manifest = resolve_manifest(settings.engine_config())
            planner = Planner(manifest, load_vocabulary(manifest.vocabulary))
        except ModelError as error:
            log.info("checks.model_not_here", model=settings.model_name, reason=error.type)
            return cls(languages)
        return cls(languages, planner, manifest.reference_seconds)

    @classmethod
    def elsewhere(cls, name: str, settings: Settings) -> Self:
        """One that only workers hold: by a published name, what its makers say that it speaks."""
        known = settings.engine in _F5_ENGINES
        return cls(Languages(spoken_languages(EngineConfig(model_name=name)) if known else ()))
