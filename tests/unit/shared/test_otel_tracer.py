"""Spans arrive at the collector as they were meant, and nothing that users said is in them."""

import subprocess
import sys
import time

import pytest

from services.shared.adapters.otel_tracer import OtelTracer
from services.shared.errors import BlobNotFound, BlobStoreUnavailable, ContentTooLarge
from services.shared.servers import LOOPBACK, free_port
from services.shared.telemetry.instrumented import instrumented
from services.shared.telemetry.silent import SilentTracer
from services.shared.telemetry.traced import traced
from services.shared.telemetry.traceparent import trace_id
from services.shared.testing import memory_parts
from tests.collector import Collector, tree


def test_spans_lie_within_each_other_and_say_whose_they_are(tracer: OtelTracer, collector: Collector) -> None:
    with tracer.span("outer", attributes={"timbre.job": "job-1"}) as span:
        span.set({"timbre.bytes": 7})
        with tracer.span("inner", kind="client"):
            pass
    spans = collector.by_name(tracer)
    assert tree(list(spans.values())) == {"timbre-worker: outer": {"inner"}, "timbre-worker: inner": set()}
    assert spans["outer"].attributes == {"timbre.job": "job-1", "timbre.bytes": 7}
    assert spans["outer"].parent_id == ""


def test_another_process_goes_on_with_the_trace(tracer: OtelTracer, collector: Collector) -> None:
    with tracer.span("here"):
        carried = tracer.current()
    assert carried is not None
    assert tracer.current() is None
    with tracer.span("there", parent=carried):
        pass
    spans = collector.by_name(tracer)
    assert spans["there"].parent_id == spans["here"].span_id
    assert spans["there"].trace_id == trace_id(carried)


def test_work_that_is_over_is_noted_with_its_own_times(tracer: OtelTracer, collector: Collector) -> None:
    with tracer.span("synthesis"):
        tracer.note("solver", 1_000.25, 1_002.5)
    spans = collector.by_name(tracer)
    assert (spans["solver"].started, spans["solver"].ended) == pytest.approx((1_000.25, 1_002.5))
    assert spans["solver"].parent_id == spans["synthesis"].span_id


def test_of_what_went_wrong_only_the_type_is_told(tracer: OtelTracer, collector: Collector) -> None:
    for name, error in (("ours", BlobStoreUnavailable("private")), ("theirs", ValueError("private"))):
        with pytest.raises(type(error)), tracer.span(name):
            raise error
    spans = collector.by_name(tracer)
    assert {name: span.attributes["error.type"] for name, span in spans.items()} == {
        "ours": "blob-store-unavailable",
        "theirs": "ValueError",
    }
    assert all(span.failed for span in spans.values())
    assert b"private" not in b"".join(collector.bodies)


def test_audio_on_its_way_is_a_span(tracer: OtelTracer, collector: Collector) -> None:
    parts = memory_parts()
    parts.blobs.blobs["outputs/a/1.wav"] = (b"RIFF", "audio/wav")  # type: ignore[attr-defined] # The fake's.
    followed = traced(parts, tracer)
    assert followed.blobs.get("outputs/a/1.wav") == b"RIFF"
    followed.blobs.copy("outputs/a/1.wav", "outputs/b/1.wav")
    followed.blobs.ping()
    spans = collector.by_name(tracer)
    assert spans["download"].attributes == {"timbre.blob": "outputs/a/1.wav", "timbre.bytes": 4}
    assert set(spans) == {"download", "copy"}


def test_a_blob_that_is_taken_piece_by_piece_is_a_span_too(tracer: OtelTracer, collector: Collector) -> None:
    parts = memory_parts()
    parts.blobs.blobs["uploads/a"] = (b"RIFF", "audio/wav")  # type: ignore[attr-defined] # The fake's.
    followed = traced(parts, tracer)
    pieces: list[bytes] = []
    followed.blobs.read("uploads/a", pieces.append, max_bytes=4)
    with pytest.raises(ContentTooLarge):
        followed.blobs.read("uploads/a", pieces.append, max_bytes=3)
    assert list(followed.blobs.stream("uploads/a")) == pieces == [b"RIFF"]
    with pytest.raises(BlobNotFound):
        followed.blobs.stream("uploads/b")
    tracer.provider.force_flush()
    assert [(span.name, span.attributes.get("timbre.bytes"), span.failed) for span in collector.spans()] == [
        ("download", 4, False),
        ("download", 0, True),
        ("download", None, False),
        ("download", None, True),
    ]


def test_a_process_that_ends_lets_its_last_spans_out(tracer: OtelTracer, collector: Collector) -> None:
    parts = traced(memory_parts(), tracer)
    with tracer.span("last"):
        pass
    parts.close()
    assert [span.name for span in collector.spans()] == ["last"]


def test_a_collector_that_is_away_costs_nothing_but_its_spans() -> None:
    tracer = OtelTracer("worker", f"http://{LOOPBACK}:{free_port()}")
    with tracer.span("lost"):
        pass
    started = time.monotonic()
    tracer.close()
    assert time.monotonic() - started < 20.0


def test_without_a_collector_nothing_is_traced_nor_imported() -> None:
    parts = memory_parts()
    assert isinstance(instrumented("api", parts).tracer, SilentTracer)
    code = "import sys, services.api.main, services.worker.tasks; sys.exit('opentelemetry.exporter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
