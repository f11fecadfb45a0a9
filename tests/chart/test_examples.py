"""Every example becomes objects that a cluster takes, and that keep to its strictest rules."""

import re
from typing import Any

import jsonschema_rs
import pytest

from services.shared.settings import Settings, load_settings
from tests.chart.rendering import OUR_IMAGES, Object, Rendered, environment
from tests.chart.schemas import validate

#: What PodSecurity "restricted" lets pods mount.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def test_every_object_is_what_its_schema_says(example: Rendered) -> None:
    for one in example.objects:
        validate(one)


@pytest.mark.parametrize("part", [{"replica": 1}, {"replicas": "two"}])
def test_the_schemas_are_strict(part: dict[str, Any]) -> None:
    selector = {"matchLabels": {"a": "b"}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a"}]}}
    thing = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    validate(thing | {"spec": {"selector": selector, "template": template}})
    with pytest.raises(jsonschema_rs.ValidationError):
        validate(thing | {"spec": {"selector": selector, "template": template, **part}})


@pytest.mark.parametrize("part", [{"polingInterval": 1}, {"maxReplicaCount": "many"}])
def test_custom_resources_schemas_are_strict(part: dict[str, Any]) -> None:
    triggers = [{"type": "prometheus", "metadata": {"query": "up"}}]
    thing = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"}}
    validate(thing | {"spec": {"scaleTargetRef": {"name": "a"}, "triggers": triggers}})
    with pytest.raises(jsonschema_rs.ValidationError):
        validate(thing | {"spec": {"scaleTargetRef": {"name": "a"}, "triggers": triggers, **part}})


def test_names_are_unique_and_in_the_namespace(example: Rendered) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in example.objects]
    assert len(names) == len(set(names))
    assert {one["metadata"]["namespace"] for one in example.objects} == {"tts"}
    assert all(len(name) <= 63 for _, name in names)


def test_pods_are_restricted(example: Rendered) -> None:
    for workload in example.workloads:
        spec = workload["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert {next(iter(set(volume) - {"name"})) for volume in spec.get("volumes", [])} <= VOLUMES


def test_containers_are_restricted(example: Rendered) -> None:
    for _, container in example.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPort" in port for port in container.get("ports", []))
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


def test_images_are_pinned(example: Rendered) -> None:
    for _, container in example.containers():
        assert re.search(r":[A-Za-z]*\.?\d[\w.-]+$", container["image"]), container["image"]


def test_every_variable_is_a_setting(example: Rendered) -> None:
    ours = [container for _, container in example.containers() if is_ours(container)]
    named = {name for container in ours for name in environment(container)}
    assert len(ours) >= 3
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()


def test_the_services_take_the_settings_that_they_are_given(example: Rendered) -> None:
    """With words in place of secrets. Of the API also that it dares to listen where others can reach it."""
    secrets = {
        "REDIS_URL": "redis://valkey:6379/0",
        "BROKER_URL": "amqp://rabbit",
        "WEBHOOK_SECRET": "",
        "API_KEYS": "",
    }
    for _, container in example.containers():
        if is_ours(container) and container["name"] != "fetch-models":
            given = environment(container)
            known = {name: value if isinstance(value, str) else secrets.get(name, "x") for name, value in given.items()}
            settings = load_settings(known)
            if container["name"] == "api":
                settings.check_exposure()


def test_secrets_are_there_for_who_needs_them(example: Rendered) -> None:
    """Those that the chart makes hold every key that something asks for without a way out."""
    made = {one["metadata"]["name"]: set(one["stringData"]) for one in example.kind("Secret")}
    for _, container in example.containers():
        for value in environment(container).values():
            reference = value["secretKeyRef"] if isinstance(value, dict) else None
            if reference and reference["name"] in made and not reference.get("optional"):
                assert reference["key"] in made[reference["name"]]


def test_no_secret_stands_in_a_pod(example: Rendered) -> None:
    for _, container in example.containers():
        plain = {name for name, value in environment(container).items() if isinstance(value, str)}
        assert not any(re.search(r"SECRET|PASSWORD|ACCESS_KEY|API_KEYS|_URL$", name) for name in plain - PUBLIC)


#: URLs, but of nothing secret.
PUBLIC = {"PUBLIC_AUDIO_BASE_URL"}


def test_services_lead_to_ports_that_are_there(example: Rendered) -> None:
    pods = [workload["spec"]["template"] for workload in example.workloads]
    for service in example.kind("Service"):
        selector = service["spec"]["selector"]
        chosen = [pod for pod in pods if selector.items() <= pod["metadata"]["labels"].items()]
        assert len(chosen) == 1, service["metadata"]["name"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= {port["name"] for port in ports(chosen[0])}


def test_probes_ask_ports_that_are_there(example: Rendered) -> None:
    for name, container in example.containers():
        known = {port["name"] for port in container.get("ports", [])}
        probes = [
            container[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe") if probe in container
        ]
        assert len(probes) == (0 if container["name"] == "fetch-models" else 3), name
        for probe in probes:
            asked = probe.get("httpGet", probe.get("tcpSocket"))
            assert asked is None or asked["port"] in known


def test_every_account_is_there(example: Rendered) -> None:
    made = {account["metadata"]["name"] for account in example.kind("ServiceAccount")}
    used = {workload["spec"]["template"]["spec"]["serviceAccountName"] for workload in example.workloads}
    assert used == made
    assert not any(account["automountServiceAccountToken"] for account in example.kind("ServiceAccount"))


def test_every_volume_is_there(example: Rendered) -> None:
    maps = {one["metadata"]["name"] for one in example.kind("ConfigMap")}
    for workload in example.workloads:
        spec = workload["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
        for container in (*spec.get("initContainers", []), *spec["containers"]):
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
        assert {volume["configMap"]["name"] for volume in spec.get("volumes", []) if "configMap" in volume} <= maps


def test_every_component_has_a_policy(example: Rendered) -> None:
    policies = example.kind("NetworkPolicy")
    assert all(policy["spec"]["policyTypes"] == ["Ingress", "Egress"] for policy in policies)
    for workload in example.workloads:
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        chosen = [one for one in policies if one["spec"]["podSelector"]["matchLabels"].items() <= labels]
        assert len(chosen) == 1, workload["metadata"]["name"]


def is_ours(container: Object) -> bool:
    return container["image"].rpartition("/")[2].startswith(OUR_IMAGES)


def ports(pod: Object) -> list[Object]:
    return [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
