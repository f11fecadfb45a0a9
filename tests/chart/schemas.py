"""What Kubernetes, KEDA, the Prometheus operator and Istio accept: their own schemas, and nothing beyond them."""

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate

#: A kind that a custom resource defines, and the module that holds its model.
CUSTOM = {
    ("keda.sh/v1alpha1", "ScaledObject"): "cloudcoil.models.keda.v1alpha1",
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "cloudcoil.models.prometheus_operator.v1",
    ("monitoring.coreos.com/v1", "PrometheusRule"): "cloudcoil.models.prometheus_operator.v1",
    ("networking.istio.io/v1", "DestinationRule"): "cloudcoil.models.istio.networking.v1",
}
#: The oldest that the chart is for, and the newest there are schemas of. (The package's own call reads megabytes anew
#: for each object.)
KUBERNETES = ("v1.30.0", "v1.37.0")
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
DEFINITIONS = "_definitions.json"


def validate(thing: dict[str, Any]) -> None:
    """Raises `jsonschema_rs.ValidationError` where the API server would refuse the object, or forget a part of it."""
    version, kind = thing["apiVersion"], thing["kind"]
    if (version, kind) in CUSTOM:
        _custom(version, kind).validate(thing)
        return
    for release in KUBERNETES:
        _built_in(release, version, kind).validate(thing)


@cache
def _custom(version: str, kind: str) -> jsonschema_rs.Validator:
    model = getattr(import_module(CUSTOM[version, kind]), kind)
    schema = model.model_json_schema(by_alias=True)
    for definition in (schema, *schema.get("$defs", {}).values()):
        if "properties" in definition:
            definition["additionalProperties"] = False
    return jsonschema_rs.validator_for(schema)


@cache
def _built_in(release: str, version: str, kind: str) -> jsonschema_rs.Validator:
    group, _, number = version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], number)))
    folder = SCHEMAS / f"{release}-local-strict"
    schema = json.loads((folder / f"{name}.json").read_text())
    return jsonschema_rs.validator_for(schema, registry=_registry(release))


@cache
def _registry(release: str) -> jsonschema_rs.Registry:
    definitions = json.loads((SCHEMAS / f"{release}-local-strict" / DEFINITIONS).read_text())
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])
