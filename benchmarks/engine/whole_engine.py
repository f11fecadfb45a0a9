"""The whole engine, text front end and all, on a model with random weights; and a reference for it."""

from typing import Final

from benchmarks.engine.models import REFERENCE_SECONDS
from benchmarks.engine.parts import Options, PartUnavailable, Size
from f5_tts_core.engine import Engine, EngineConfig
from f5_tts_core.manifest import Manifest
from f5_tts_core.types import Reference

_TRANSCRIPT: Final = "We will meet at the old station tomorrow morning, and walk along the river from there."
TEXT: Final = (
    "The farmer planted apples behind the house, and his neighbor painted the wooden bridge yellow. "
    "Winter came early to the village that year, and the children walked to school in the snow."
)


def load_engine(manifest: Manifest, options: Options) -> Engine:
    """Raises `PartUnavailable`."""
    try:
        from f5_tts_core.f5 import create  # noqa: PLC0415 - needs packages that a bare GPU machine lacks
    except ImportError as error:
        raise PartUnavailable(f"The whole engine cannot be imported here: {error}.") from error
    folder = manifest.checkpoint.parent
    config = EngineConfig(
        ckpt_path=folder, device=options.device, precision=options.precisions[0], threads=options.threads
    )
    engine = create(config)
    engine.load()
    return engine


def make_reference(size: Size, seed: int = 0) -> Reference:
    """As long as the size's references are; another sound for another seed."""
    from f5_tts_core.testing import speech_like, wav_bytes  # noqa: PLC0415 - needs soundfile

    seconds = REFERENCE_SECONDS[size]
    words = _TRANSCRIPT.split()
    return Reference(wav_bytes(speech_like(seconds, seed=seed)), " ".join(words[: round(len(words) * seconds / 5)]))
