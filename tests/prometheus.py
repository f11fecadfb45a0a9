"""Debian's Prometheus: its tool for rules, and the server itself beside a stack."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from services.shared.servers import LOOPBACK, free_port, wait_until_answers
from tests.missing import missing


def binary(name: str) -> str:
    """`prometheus` or `promtool`."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed (Debian's package prometheus)")
    return found


class Prometheus:
    """A server that answers queries."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant vector. Raises `ValueError` where Prometheus does not understand the query."""
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {expression}")
        return list(answer["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def ready(self) -> None:
        self._client.get("/-/ready").raise_for_status()

    def close(self) -> None:
        self._client.close()


@contextmanager
def running_prometheus(folder: Path, targets: Iterable[str], rules: Path) -> Iterator[Prometheus]:
    """One that asks the targets (`host:port`) every second, and judges the rules as often."""
    command = binary("prometheus")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "timbre", "static_configs": [{"targets": list(targets)}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"{LOOPBACK}:{free_port()}"
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [command, *options, f"--web.listen-address={address}"], stdout=log, stderr=subprocess.STDOUT
        )
    prometheus = Prometheus(f"http://{address}")
    try:
        wait_until_answers(prometheus.ready, timeout_seconds=60, alive=lambda: process.poll() is None)
        yield prometheus
    finally:
        prometheus.close()
        process.kill()
        process.wait()
