"""Requests are spans: of what they are for, without a word of their clients', and one trace with what they lead to."""

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.shared.adapters.otel_tracer import OtelTracer
from services.shared.telemetry.traced import traced
from services.shared.testing import memory_parts
from tests.collector import Collector
from tests.unit.api.client import Client


@pytest.fixture
def client(tracer: OtelTracer) -> Client:
    return Client(traced(memory_parts(), tracer))


def flush(client: Client) -> None:
    client.parts.tracer.provider.force_flush()


def test_what_a_client_asks_for_in_a_url_is_hidden(client: Client, collector: Collector) -> None:
    client.get("/jobs?limit=1&cursor=private")
    flush(client)
    (span,) = collector.spans()
    assert (span.name, span.attributes["url.query"]) == ("GET /jobs", "[hidden]")
    assert b"private" not in b"".join(collector.bodies)


def test_probes_are_no_spans(client: Client, collector: Collector) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path).status_code == 200
    flush(client)
    assert collector.spans() == []


def test_a_job_and_the_log_name_the_trace_of_their_request(client: Client, collector: Collector) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        job_id = client.speak().json()["job_id"]
    flush(client)
    (request,) = [span for span in collector.spans() if span.name == "POST /tts"]
    assert client.parts.jobs.get(job_id).traceparent.startswith(f"00-{request.trace_id}-{request.span_id}-")
    assert [line["trace_id"] for line in lines if line["event"] == "request"] == [request.trace_id]


def test_a_refused_request_is_no_failed_span_but_ours_is(client: Client, collector: Collector) -> None:
    client.speak(text="")
    client.parts.jobs.down = True  # type: ignore[attr-defined] # The fake's switch.
    client.speak()
    flush(client)
    failed = {
        span.attributes["http.response.status_code"]: span.failed for span in collector.spans() if not span.parent_id
    }
    assert failed == {422: False, 503: True}


def test_where_nothing_is_traced_jobs_name_no_trace() -> None:
    client = Client(memory_parts())
    assert client.parts.jobs.get(client.speak().json()["job_id"]).traceparent is None
