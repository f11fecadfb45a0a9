"""The port for those who run a process: figures and probes, and nothing where none is asked for."""

import socket
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from services.shared.settings import SettingsError
from services.shared.telemetry import metrics
from services.shared.telemetry.endpoint import shown
from services.shared.telemetry.instrumented import create_meter
from services.shared.telemetry.silent import SilentMeter
from services.shared.testing import make_settings

SETTINGS = make_settings(worker_metrics_port=0)


def test_figures_and_probes_are_served() -> None:
    meter, ready = create_meter("worker", SETTINGS), [False, True]
    meter.count(metrics.LEASES_LOST)
    with (
        shown("worker", SETTINGS, meter, lambda: ready.pop(0)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        figures = client.get("/metrics")
        assert "tts_leases_lost_total 1.0" in figures.text
        assert figures.headers["content-type"].startswith("text/plain")
        assert client.get("/metrics", headers={"Accept": "application/openmetrics-text"}).text.endswith("# EOF\n")
        assert client.get("/healthz").json() == {"status": "ok"}
        assert [client.get("/readyz").status_code for _ in range(2)] == [503, 200]
        assert client.get("/").status_code == 404
        assert client.post("/metrics").status_code == 501


def test_the_port_is_given_back() -> None:
    with shown("worker", SETTINGS, SilentMeter(), lambda: True) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), timeout=5).close()


def test_without_a_port_nothing_is_counted_or_served() -> None:
    settings = make_settings(worker_metrics_port=0)
    assert isinstance(create_meter("control", settings), SilentMeter)
    with shown("control", settings, SilentMeter(), lambda: True) as port:
        assert port is None


def test_a_port_that_is_taken_is_refused_by_its_variable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        settings = make_settings(worker_metrics_port=other.getsockname()[1])
        with (
            pytest.raises(SettingsError, match="WORKER_METRICS_PORT: cannot listen on"),
            shown("worker", settings, create_meter("worker", settings), lambda: True),
        ):
            raise AssertionError("it was served")


def test_figures_that_are_off_import_nothing() -> None:
    code = "import sys, services.api.main; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
