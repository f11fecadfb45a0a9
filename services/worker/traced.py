"""Engine and transcriber whose work shows in traces: each synthesis a span, with its stages in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from f5_tts_core.engine import AudioCallback, CancelCallback, Engine, ProgressCallback, ignore, never
from f5_tts_core.types import EngineInfo, Synthesis, SynthesisRequest, Waveform
from services.shared.parts import Parts
from services.shared.ports import Clock, Tracer, Transcriber, Transcript
from services.shared.telemetry.silent import SilentTracer


def traced_engine(engine: Engine, parts: Parts) -> Engine:
    """The engine itself where nothing is traced."""
    return engine if isinstance(parts.tracer, SilentTracer) else TracedEngine(engine, parts.tracer, parts.clock)


@dataclass(frozen=True)
class TracedEngine:
    """`Engine`. What is asked for shows as numbers alone: neither text nor voice does."""

    engine: Engine
    tracer: Tracer
    clock: Clock

    def load(self) -> None:
        self.engine.load()

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        on_progress: ProgressCallback = ignore,
        should_cancel: CancelCallback = never,
        on_audio: AudioCallback = ignore,
    ) -> Synthesis:
        started = self.clock()
        asked = {
            "timbre.characters": len(request.text),
            "timbre.nfe_step": request.nfe_step,
            "timbre.cfg_strength": request.cfg_strength,
            "timbre.stream": request.stream,
        }
        with self.tracer.span("synthesis", attributes=asked) as span:
            synthesis = self.engine.synthesize(
                request, on_progress=on_progress, should_cancel=should_cancel, on_audio=on_audio
            )
            span.set({"timbre.chunks": synthesis.chunks, "timbre.audio_seconds": synthesis.audio.seconds})
            for lap in synthesis.laps:
                self.tracer.note(lap.stage, started + lap.started, started + lap.ended)
        return synthesis

    def chunks(self, request: SynthesisRequest) -> Sequence[str]:
        return self.engine.chunks(request)

    def describe(self) -> EngineInfo:
        return self.engine.describe()

    def close(self) -> None:
        self.engine.close()


def traced_transcriber(transcriber: Transcriber | None, tracer: Tracer) -> Transcriber | None:
    return transcriber and TracedTranscriber(transcriber, tracer)


@dataclass(frozen=True)
class TracedTranscriber:
    """`Transcriber`."""

    transcriber: Transcriber
    tracer: Tracer

    def transcribe(self, audio: Waveform) -> Transcript:
        with self.tracer.span("transcribe", attributes={"timbre.audio_seconds": audio.seconds}):
            return self.transcriber.transcribe(audio)
