"""The port that services speak through, and how an engine is found by name. Free of torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from f5_tts_core import errors, limits
from f5_tts_core.types import EngineInfo, EngineStats, Synthesis, SynthesisRequest, Waveform

ENTRY_POINT_GROUP = "timbre.engines"

Device = Literal["auto", "cuda", "xpu", "mps", "cpu"]
Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]


@dataclass(frozen=True)
class EngineConfig:
    """How an engine is to run. One engine, one model, one device, one process."""

    model_name: str = "timbre-tiny"
    ckpt_path: Path | None = None
    vocab_path: Path | None = None
    vocoder_path: Path | None = None
    hf_cache_dir: Path | None = None
    #: Expected SHA-256 of `ckpt_path`; a file with another hash is refused.
    ckpt_sha256: str | None = None
    device: Device = "auto"
    precision: Precision = "auto"
    #: Same bytes for the same request and seed, alone and under load, at the price of batching.
    deterministic: bool = False
    #: Requests in the engine at once; more wait on a semaphore.
    max_concurrency: int = 4
    #: Mel frames (rows times padded length, guidance counted once) in one forward.
    max_batch_frames: int = 8_192
    #: On CUDA, record each shape's kernels once and replay them; off, they are launched one by one.
    cuda_graphs: bool = True
    #: Intra-operation threads; 0 leaves torch's choice.
    threads: int = 0
    #: Whether a request may fall back to the CPU when the device fails for good.
    allow_cpu_fallback: bool = True
    reference_cache_bytes: int = 256 * 1024 * 1024
    target_rms: float = limits.TARGET_RMS


#: Called from the requesting thread with the share of the work done, 0..1, after each solver step.
ProgressCallback = Callable[[float], None]
#: Polled from the requesting thread after each solver step; true abandons the request.
CancelCallback = Callable[[], bool]
#: Called from the requesting thread with each piece of speech that is final. Joined, the pieces are what is returned.
AudioCallback = Callable[[Waveform], None]


def ignore(_news: object) -> None:
    """The progress or audio callback of who does not care."""


def never() -> bool:
    """The cancel callback of who never cancels."""
    return False


class Engine(Protocol):
    """Text and a reference in, a waveform out. `synthesize` may be called from many threads."""

    def load(self) -> None:
        """Read the model, place it on the device, warm up. Raises `ModelError`."""
        ...

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        on_progress: ProgressCallback = ignore,
        should_cancel: CancelCallback = never,
        on_audio: AudioCallback = ignore,
    ) -> Synthesis:
        """Speak. Raises `AudioError`, `TextError`, `EngineError`; `Canceled` when told to stop.

        Of a request that is to `stream`, audio is handed out chunk by chunk; of any other, all at the end.
        """
        ...

    def chunks(self, request: SynthesisRequest) -> Sequence[str]:
        """The request's text in pieces that are each spoken by a request of their own, as long texts are.

        The same text is cut the same way, and an edit changes the pieces near it alone: what was spoken of the
        others may be used again. Raises `AudioError`, `TextError`.
        """
        ...

    def describe(self) -> EngineInfo: ...

    def close(self) -> None:
        """Give back threads and memory. Further calls of `synthesize` are an error."""
        ...


@runtime_checkable
class Counting(Protocol):
    """An engine that counts what it does; others need not."""

    @property
    def stats(self) -> EngineStats: ...


EngineFactory = Callable[[EngineConfig], Engine]


def create_engine(name: str, config: EngineConfig) -> Engine:
    """The engine registered as `name` in the entry-point group `timbre.engines`, not loaded yet."""
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise errors.UnknownEngine(f"No engine is called {name!r}; installed: {known}.")
    factory: EngineFactory = found[name].load()
    return factory(config)
