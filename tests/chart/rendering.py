"""The chart, rendered by Helm's own engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/timbre"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
RELEASE, NAMESPACE = "speech", "tts"
NAME = f"{RELEASE}-timbre"

#: Images that this repository builds; the rest are others' servers.
OUR_IMAGES = ("timbre-api:", "timbre-control:", "timbre-worker:")

Object = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What a set of values becomes."""

    values: Object
    objects: list[Object]
    notes: str

    def kind(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def find(self, kind: str, name: str = "") -> Object:
        """The one object of that kind and name (without the release's). Raises `LookupError`."""
        wanted = f"{NAME}-{name}" if name else NAME
        found = [one for one in self.kind(kind) if one["metadata"]["name"] == wanted]
        if len(found) != 1:
            raise LookupError(f"{len(found)} objects are {kind} {wanted}")
        return found[0]

    @cached_property
    def workloads(self) -> list[Object]:
        return [*self.kind("Deployment"), *self.kind("StatefulSet")]

    def containers(self) -> Iterator[tuple[str, Object]]:
        """Each container of every pod, with its workload's name."""
        for workload in self.workloads:
            spec = workload["spec"]["template"]["spec"]
            for container in (*spec.get("initContainers", []), *spec["containers"]):
                yield workload["metadata"]["name"], container

    def worker(self, pool: str = "default") -> Object:
        """The pod of a pool."""
        return self.find("Deployment", f"worker-{pool}")["spec"]["template"]["spec"]

    def container(self, deployment: str) -> Object:
        """That of our process."""
        found: Object = self.find("Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]
        return found


class ChartRenderer:
    """Helm with the chart read once."""

    def __init__(self) -> None:
        import helm_python

        self._chart = helm_python.Chart.load(CHART)
        self.errors = helm_python.HelmError

    def render(self, values: Mapping[str, Any] | None = None) -> Rendered:
        """Raises what Helm raises: `errors`."""
        files = self._chart.render(dict(values or {}), name=RELEASE, namespace=NAMESPACE)
        notes = files.pop("timbre/templates/NOTES.txt")
        documents = (one for text in files.values() for one in yaml.safe_load_all(text))
        return Rendered(self._chart.merge_values(dict(values or {})), [one for one in documents if one], notes)


def environment(container: Object) -> dict[str, Any]:
    """Values by name; of a secret, the reference."""
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container.get("env", [])}
