"""What the chart asks of a process over HTTP, that process answers."""

import httpx
import pytest

from services.api.app import create_app
from services.shared.telemetry.endpoint import shown
from services.shared.telemetry.instrumented import create_meter
from services.shared.telemetry.metric import Process
from services.shared.testing import make_settings, memory_parts
from tests.chart.rendering import Rendered, environment

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def test_the_apis_port_and_probes_are_there(defaults: Rendered) -> None:
    container = defaults.container("api")
    listening = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert environment(container)["API_PORT"] == listening["http"]
    assert environment(container)["API_METRICS_PORT"] == listening["metrics"]
    paths = create_app(memory_parts()).openapi()["paths"]
    for probe in PROBES:
        assert container[probe]["httpGet"]["port"] == "http"
        assert "get" in paths[container[probe]["httpGet"]["path"]]


@pytest.mark.parametrize(("name", "process"), [("worker-default", "worker"), ("control", "control")])
def test_probes_and_figures_of_the_others_are_there(examples: dict[str, Rendered], name: str, process: Process) -> None:
    container = examples["gke-t4"].container(name)
    (port,) = container["ports"]
    assert environment(container)[f"{process.upper()}_METRICS_PORT"] == str(port["containerPort"])
    assert {container[probe]["httpGet"]["port"] for probe in PROBES} == {port["name"]}
    (endpoint,) = examples["gke-t4"].find("ServiceMonitor", "metrics")["spec"]["endpoints"]
    settings = make_settings(**{f"{process}_metrics_port": 0})
    with shown(process, settings, create_meter(process, settings), lambda: True) as bound:
        for path in (endpoint["path"], *(container[probe]["httpGet"]["path"] for probe in PROBES)):
            assert httpx.get(f"http://127.0.0.1:{bound}{path}", trust_env=False).status_code == 200
