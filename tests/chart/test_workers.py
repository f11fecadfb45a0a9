"""Pools: GPUs, models, an end without lost work, and scaling on what waits."""

import json
from typing import Any

import pytest

from services.shared.priority import Priority
from services.shared.settings import load_settings
from tests.chart.rendering import ChartRenderer, Object, Rendered, environment

PROMETHEUS = {"prometheusUrl": "http://prometheus:9090"}


def test_a_worker_has_a_gpu_unless_it_is_for_the_cpu(examples: dict[str, Rendered]) -> None:
    container = examples["defaults"].container("worker-default")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["image"].endswith("-cuda")
    assert environment(container)["DEVICE"] == "cuda"
    plain = examples["cpu"].container("worker-default")
    assert "nvidia.com/gpu" not in plain["resources"]["limits"]
    assert plain["image"].endswith("-cpu")
    assert environment(plain)["DEVICE"] == "cpu"


@pytest.mark.parametrize(
    ("name", "pool", "key"),
    [
        ("gke-t4", "default", "cloud.google.com/gke-accelerator"),
        ("gke-a100", "t4-spot", "cloud.google.com/gke-spot"),
        ("eks-a10", "default", "node.kubernetes.io/instance-type"),
        ("eks-a100", "a100", "node.kubernetes.io/instance-type"),
    ],
)
def test_pools_choose_their_nodes(examples: dict[str, Rendered], name: str, pool: str, key: str) -> None:
    pod = examples[name].worker(pool)
    assert key in pod["nodeSelector"]
    assert any(one["key"] == "nvidia.com/gpu" and one["effect"] == "NoSchedule" for one in pod["tolerations"])


def test_a_pool_differs_in_what_it_says_and_no_more(examples: dict[str, Rendered]) -> None:
    steady, spot = examples["gke-a100"].worker("a100"), examples["gke-a100"].worker("t4-spot")
    assert steady["priorityClassName"] == "timbre-steady"
    assert "priorityClassName" not in spot
    one, two = (environment(pod["containers"][0]) for pod in (steady, spot))
    assert {name: (one.get(name), two.get(name)) for name in one.keys() | two if one.get(name) != two.get(name)} == {
        "MAX_CONCURRENCY": ("16", None),
        "MAX_BATCH_FRAMES": ("32768", "6144"),
        "STOP_GRACE_SECONDS": ("300", "20"),
    }


def test_a_worker_may_finish_its_longest_job(example: Rendered) -> None:
    for deployment in workers(example):
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        grace = float(environment(container)["STOP_GRACE_SECONDS"])
        assert pod["terminationGracePeriodSeconds"] >= grace + 20
        assert container["lifecycle"]["preStop"]["exec"]["command"][:2] == ["sh", "-c"]


def test_a_worker_has_time_to_load_its_model(helm: ChartRenderer) -> None:
    container = helm.render({"worker": {"startSeconds": 902}}).container("worker-default")
    probe = container["startupProbe"]
    assert probe["httpGet"]["path"] == "/readyz"
    assert 902 <= probe["periodSeconds"] * probe["failureThreshold"] < 912
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_models_lie_on_a_volume_that_outlives_the_chart(examples: dict[str, Rendered]) -> None:
    rendered = examples["gke-t4"]
    pod, claim = rendered.worker(), rendered.find("PersistentVolumeClaim", "worker-default-models")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert volume(pod, "models")["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    assert {"name": "models", "mountPath": "/models", "readOnly": True} in pod["containers"][0]["volumeMounts"]
    for name in ("CKPT_PATH", "VOCODER_PATH", "HF_CACHE_DIR"):
        assert environment(pod["containers"][0])[name].startswith("/models/")


def test_what_is_fetched_is_where_the_settings_look(example: Rendered) -> None:
    for deployment in workers(example):
        pod, pool = deployment["spec"]["template"]["spec"], deployment["metadata"]["labels"]["timbre/pool"]
        for container in pod.get("initContainers", []):
            assert container["command"][2:] == [f"/fetch/{pool}.json", "/models"]
            files = json.loads(example.find("ConfigMap", "models")["data"][f"{pool}.json"])
            paths = {f"/models/{file['path']}" for file in files}
            settings = environment(pod["containers"][0])
            assert settings["CKPT_PATH"] in paths
            assert f"{settings['VOCODER_PATH']}/pytorch_model.bin" in paths


def test_the_api_judges_texts_by_the_model_that_speaks_them(example: Rendered) -> None:
    """By that of the same name, where there are several."""
    api = environment(example.container("api"))
    those = [environment(deployment["spec"]["template"]["spec"]["containers"][0]) for deployment in workers(example)]
    speaking = [worker for worker in those if worker.get("SERVED_MODEL_NAME") == api.get("SERVED_MODEL_NAME")]
    assert speaking
    for worker in speaking:
        for name in ("ENGINE", "MODEL_NAME", "CKPT_PATH", "VOCAB_PATH"):
            assert api.get(name) == worker.get(name)


def test_pods_are_replaced_when_other_models_are_to_be_fetched(helm: ChartRenderer) -> None:
    def annotations(url: str) -> Object:
        values = {"worker": {"modelCache": {"enabled": True}, "models": [{"path": "a", "url": url}]}}
        template: Object = helm.render(values).find("Deployment", "worker-default")["spec"]["template"]
        found: Object = template["metadata"]["annotations"]
        return found

    assert annotations("https://a") == annotations("https://a")
    assert annotations("https://a") != annotations("https://b")


def test_a_claim_of_the_operators_is_used(examples: dict[str, Rendered]) -> None:
    rendered = examples["eks-a100"]
    assert volume(rendered.worker("a100"), "models")["persistentVolumeClaim"] == {"claimName": "timbre-models"}
    assert rendered.kind("PersistentVolumeClaim") == []


def test_workers_scale_on_seconds_of_audio_that_wait(examples: dict[str, Rendered]) -> None:
    spec = examples["gke-t4"].find("ScaledObject", "worker-default")["spec"]
    assert spec["scaleTargetRef"] == {"name": "speech-timbre-worker-default"}
    triggers = {one["name"]: one for one in spec["triggers"]}
    assert list(triggers) == ["queued-audio", "under-way", "wait", "gpu"]
    assert "tts_queue_audio_seconds" in triggers["queued-audio"]["metadata"]["query"]
    assert triggers["queued-audio"]["metadata"]["threshold"] == "180"
    assert triggers["queued-audio"]["metricType"] == "AverageValue"
    assert "tts_job_queue_seconds" in triggers["wait"]["metadata"]["query"]
    assert "tts_gpu_utilization_ratio" in triggers["gpu"]["metadata"]["query"]
    assert 'timbre_pool="default"' in triggers["gpu"]["metadata"]["query"]
    assert (triggers["wait"]["metricType"], triggers["gpu"]["metricType"]) == ("Value", "Value")
    assert {one["metadata"]["serverAddress"] for one in spec["triggers"]} == {
        "http://prometheus-operated.monitoring.svc:9090"
    }


def test_a_pool_goes_to_zero_and_wakes_up_by_what_control_shows(examples: dict[str, Rendered]) -> None:
    rendered = examples["gke-t4"]
    spec = rendered.find("ScaledObject", "worker-default")["spec"]
    assert (spec["minReplicaCount"], spec["pollingInterval"], spec["cooldownPeriod"]) == (0, 10, 600)
    assert {one["metadata"]["activationThreshold"] for one in spec["triggers"]} == {"0"}
    # Control is there when no worker is. Nothing in the pool's Deployment holds it at a number.
    assert rendered.find("Deployment", "control")["spec"]["replicas"] == 1
    assert "replicas" not in rendered.find("Deployment", "worker-default")["spec"]


def test_jobs_under_way_keep_their_workers(helm: ChartRenderer) -> None:
    rendered = helm.render(scaled(settings={"MAX_CONCURRENCY": 6}))
    trigger = rendered.find("ScaledObject", "worker-default")["spec"]["triggers"][1]
    assert trigger["metadata"]["query"] == (
        'sum(tts_running_jobs{namespace="tts",app_kubernetes_io_instance="speech",timbre_pool="default"})'
    )
    assert trigger["metadata"]["threshold"] == "6"


def test_a_pool_may_be_for_some_priorities(helm: ChartRenderer) -> None:
    pools = [{"name": "talk", "priorities": ["interactive", "default"]}, {"name": "rest"}]
    rendered = helm.render(scaled() | {"pools": pools})
    talk, rest = (environment(rendered.worker(name)["containers"][0]) for name in ("talk", "rest"))
    assert load_settings(secret_less(talk)).worker_priorities == (Priority.INTERACTIVE, Priority.DEFAULT)
    assert "WORKER_PRIORITIES" not in rest
    asked = {
        name: rendered.find("ScaledObject", f"worker-{name}")["spec"]["triggers"][0]["metadata"]["query"]
        for name in ("talk", "rest")
    }
    assert 'priority=~"interactive|default"' in asked["talk"]
    assert "priority=~" not in asked["rest"]


def test_triggers_can_be_left_out(helm: ChartRenderer) -> None:
    scaling = {"waitSeconds": 0, "gpuPercent": 0, "fallback": 2}
    spec = helm.render(scaled(**{"autoscaling": scaling})).find("ScaledObject", "worker-default")["spec"]
    assert [one["name"] for one in spec["triggers"]] == ["queued-audio", "under-way"]
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2}


def test_prometheus_may_ask_who_keda_is(helm: ChartRenderer) -> None:
    values = scaled() | {"monitoring": PROMETHEUS | {"triggerAuthentication": "prometheus"}}
    spec = helm.render(values).find("ScaledObject", "worker-default")["spec"]
    assert {one["authenticationRef"]["name"] for one in spec["triggers"]} == {"prometheus"}


def scaled(**worker: Any) -> dict[str, Any]:
    """Values of a pool that scales."""
    scaling = {"enabled": True} | worker.pop("autoscaling", {})
    return {"monitoring": PROMETHEUS, "worker": {"autoscaling": scaling, **worker}}


def secret_less(given: dict[str, Any]) -> dict[str, str]:
    """An environment with words in place of secrets."""
    return {name: value if isinstance(value, str) else "redis://x" for name, value in given.items()}


def workers(rendered: Rendered) -> list[Object]:
    return [one for one in rendered.kind("Deployment") if "timbre/pool" in one["metadata"]["labels"]]


def volume(pod: Object, name: str) -> Object:
    return next(one for one in pod["volumes"] if one["name"] == name)
