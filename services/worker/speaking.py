"""Having the engine speak, for as long as the lease holds."""

from f5_tts_core.engine import AudioCallback, CancelCallback, Engine, ProgressCallback, ignore, never
from f5_tts_core.errors import Canceled, EngineError
from f5_tts_core.types import Reference, Synthesis, SynthesisRequest
from services.shared.job import JobInput
from services.worker.lease import Lease


def request_of(asked: JobInput, text: str, reference: Reference) -> SynthesisRequest:
    return SynthesisRequest(
        text=text,
        reference=reference,
        speed=asked.speed,
        seed=asked.seed,
        nfe_step=asked.nfe_step,
        cfg_strength=asked.cfg_strength,
        remove_silence=asked.remove_silence,
        stream=asked.stream,
    )


def speak(
    engine: Engine,
    request: SynthesisRequest,
    lease: Lease,
    *,
    on_progress: ProgressCallback,
    on_audio: AudioCallback = ignore,
    is_over: CancelCallback = never,
) -> Synthesis:
    """Raises what the engine raises, and `LeaseLost`, `Canceled`, `Overdue` or `Stopping` where the work is to stop.

    `is_over` turns true where nobody wants to know what came of it.
    """

    def is_to_stop() -> bool:
        return is_over() or lease.interrupted()

    try:
        return engine.synthesize(request, on_progress=on_progress, should_cancel=is_to_stop, on_audio=on_audio)
    except Canceled as canceled:
        lease.explain()  # The engine knows that it was told to stop; the lease knows why.
        raise EngineError("The engine stopped without being told to.") from canceled
