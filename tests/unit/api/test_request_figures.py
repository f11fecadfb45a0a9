"""Requests are counted by route and status, in few time series however odd the requests are."""

from dataclasses import replace

import pytest

from services.shared.adapters.prometheus_meter import PrometheusMeter
from services.shared.testing import memory_parts
from tests.figures import figure, samples
from tests.unit.api.client import Client


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter("api", label_values=10)


@pytest.fixture
def client(meter: PrometheusMeter) -> Client:
    return Client(replace(memory_parts(), meter=meter))


def test_requests_are_counted_by_route_and_status(client: Client, meter: PrometheusMeter) -> None:
    client.speak()
    client.speak(text="")
    client.get("/jobs/nobody")
    assert figure(meter, "tts_requests_total", method="POST", route="/tts", status="202") == 1
    assert figure(meter, "tts_requests_total", method="POST", route="/tts", status="422") == 1
    assert figure(meter, "tts_requests_total", method="GET", route="/jobs/{job_id}", status="404") == 1
    assert figure(meter, "tts_request_duration_seconds_count", method="POST", route="/tts") == 2


def test_paths_and_methods_that_do_not_exist_are_all_one(client: Client, meter: PrometheusMeter) -> None:
    for number in range(5):
        client.get(f"/nowhere/{number}")
        client.request(f"ODD{number}", "/tts")
    shown = samples(meter.exposition()[0].decode(), "tts_requests_total")
    assert len(shown) == 2
    assert figure(meter, "tts_requests_total", method="GET", route="unknown", status="404") == 5


def test_clients_do_not_see_figures(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
