"""An engine and a transcriber that are traced do what they did."""

import pytest

from f5_tts_core.errors import EngineError
from f5_tts_core.testing import speech_like
from services.shared.adapters.otel_tracer import OtelTracer
from services.shared.job import JobStatus
from services.shared.telemetry.silent import SilentTracer
from services.shared.telemetry.traced import traced
from services.shared.testing import ScriptedTranscriber
from services.worker.traced import traced_engine, traced_transcriber
from tests.collector import Collector
from tests.unit.worker.conftest import Bench


def test_a_transcript_is_found_within_a_span(tracer: OtelTracer, collector: Collector) -> None:
    transcriber = traced_transcriber(ScriptedTranscriber("What was said."), tracer)
    assert transcriber is not None
    assert transcriber.transcribe(speech_like(2.0)).text == "What was said."
    assert collector.by_name(tracer)["transcribe"].attributes == {"timbre.audio_seconds": pytest.approx(2.0)}
    assert traced_transcriber(None, tracer) is None


def test_a_synthesis_that_fails_says_of_what_kind_it_was(
    bench: Bench, tracer: OtelTracer, collector: Collector
) -> None:
    bench.engine.fault = EngineError("private")
    engine = traced_engine(bench.engine, traced(bench.parts, tracer))
    job = bench.submit()
    assert bench.runner(engine=engine).run(job.id) is JobStatus.QUEUED  # type: ignore[arg-type] # Stands for it.
    span = collector.by_name(tracer)["synthesis"]
    assert (span.failed, span.attributes["error.type"]) == (True, EngineError.type)


def test_where_nothing_is_traced_the_engine_is_itself(bench: Bench) -> None:
    assert isinstance(bench.parts.tracer, SilentTracer)
    assert traced_engine(bench.engine, bench.parts) is bench.engine
