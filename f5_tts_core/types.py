"""The nouns that cross the engine's border. Free of torch."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from f5_tts_core import limits
from f5_tts_core.stopwatch import Lap


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono audio: float32 `samples` of shape [n] in [-1, 1], at `sample_rate` Hz."""

    samples: npt.NDArray[np.float32]
    sample_rate: int = limits.SAMPLE_RATE

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Reference:
    """A voice to follow: an encoded clip (any format `f5_tts_core.audio` decodes) and what is said in it."""

    audio: bytes = field(repr=False)
    text: str = field(repr=False)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over audio and transcript: the key of everything derived from the reference."""
        digest = hashlib.sha256(self.audio)
        digest.update(b"\0" + self.text.encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class SynthesisRequest:
    """One text to speak in one voice. Values outside `limits` are the caller's to refuse."""

    text: str = field(repr=False)
    reference: Reference
    #: Words a second relative to the reference: 2.0 is twice as fast.
    speed: float = 1.0
    #: Starts this request's own noise generator; left out, one is drawn and returned.
    seed: int | None = None
    #: Solver steps (NFE).
    nfe_step: int = limits.PRESETS[limits.DEFAULT_PRESET]
    #: Guidance strength (CFG); 0 leaves the unconditional forward out.
    cfg_strength: float = limits.DEFAULT_CFG_STRENGTH
    sway_coef: float = limits.DEFAULT_SWAY_COEF
    cross_fade_seconds: float = limits.DEFAULT_CROSS_FADE_SECONDS
    #: Looks at the whole speech, so that nothing of it can be handed out before its end.
    remove_silence: bool = False
    #: Whether audio is wanted while it is made: the text begins with a short chunk, and is spoken a chunk at a time.
    stream: bool = False


@dataclass(frozen=True)
class Synthesis:
    """A finished request. `timings` are seconds by stage (reference, queue, network, vocoder, total)."""

    audio: Waveform
    seed: int
    chunks: int
    timings: dict[str, float]
    #: When each of them was, as far as the engine says.
    laps: Sequence[Lap] = ()


@dataclass
class EngineStats:
    """What an engine has done since it was loaded. `rows` over `forwards` is the mean occupancy of its batches."""

    #: Runs of the network.
    forwards: int = 0
    #: Rows in all of them: each is a solver step of a take.
    rows: int = 0
    #: Forwards that the device had too little memory for.
    out_of_memory: int = 0
    #: References that were there already, and those that had to be prepared.
    reference_hits: int = 0
    reference_misses: int = 0


@dataclass(frozen=True)
class EngineInfo:
    """What an engine is and runs on, for health pages and `timbre doctor`."""

    engine: str
    model: str
    device: str
    precision: str
    vocoder: str
    parameters: int
    sample_rate: int = limits.SAMPLE_RATE
    #: The same for the same weights and vocabulary, wherever they lie; empty where the engine does not say.
    fingerprint: str = ""
    #: Whether requests that are spoken at once take less time than one after the other.
    batches: bool = False
