"""Servers inside and outside, secrets, the gateway, and values that are refused."""

import base64
from typing import Any

import pytest
import yaml

from services.shared.settings import load_settings
from tests.chart.rendering import CHART, NAME, ROOT, ChartRenderer, Object, Rendered, environment

OUTSIDE = {"type": "external", "endpoint": "https://s3.example.com", "accessKey": "key", "secretKey": "secret"}


def test_the_api_scales_and_is_never_emptied_at_once(defaults: Rendered) -> None:
    scaler = defaults.find("HorizontalPodAutoscaler", "api")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 10)
    assert scaler["scaleTargetRef"]["name"] == f"{NAME}-api"
    assert "replicas" not in defaults.find("Deployment", "api")["spec"]
    for name in ("api", "worker-default"):
        assert defaults.find("PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1


def test_the_api_answers_until_load_balancers_have_heard(defaults: Rendered) -> None:
    pod = defaults.find("Deployment", "api")["spec"]["template"]["spec"]
    drain = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain == 10
    assert pod["terminationGracePeriodSeconds"] > drain + 5


def test_secrets_are_drawn_and_fit(defaults: Rendered) -> None:
    secret = defaults.find("Secret")
    drawn = secret["stringData"]
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert len(base64.b64decode(drawn["WEBHOOK_SECRET"].removeprefix("whsec_"))) == 32
    assert drawn["REDIS_URL"] == f"redis://:{drawn['REDIS_PASSWORD']}@{NAME}-valkey:6379/0"
    assert all(len(drawn[f"WEED_{name}"]) == 64 for name in ("S3_SSE_KEK", "JWT_SIGNING_KEY", "JWT_FILER_SIGNING_KEY"))
    settings = load_settings({"S3_ENDPOINT": "http://store"} | {name: drawn[name] for name in drawn if name in KNOWN})
    assert settings.webhook_secret is not None


#: What of the Secret our processes read.
KNOWN = ("REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY", "WEBHOOK_SECRET", "API_KEYS", "BROKER_URL")


def test_no_two_installations_share_a_secret(helm: ChartRenderer, defaults: Rendered) -> None:
    one, two = defaults.find("Secret")["stringData"], helm.render().find("Secret")["stringData"]
    assert [name for name in one if one[name] == two[name]] == []


def test_a_secret_of_the_operators_is_used(examples: dict[str, Rendered]) -> None:
    rendered = examples["eks-a10"]
    assert rendered.kind("Secret") == []
    references = [
        value["secretKeyRef"] for value in environment(rendered.container("api")).values() if isinstance(value, dict)
    ]
    assert {one["name"] for one in references} == {"timbre"}
    assert {one["key"] for one in references if not one.get("optional")} == {
        *("REDIS_URL", "BROKER_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    }


def test_workers_know_no_callers_keys(example: Rendered) -> None:
    for name, container in example.containers():
        if "-worker-" in name:
            assert not {"API_KEYS", "WEBHOOK_SECRET"} & environment(container).keys()


def test_rabbitmq_is_the_broker_by_a_value(helm: ChartRenderer) -> None:
    rendered = helm.render({"broker": {"type": "rabbitmq", "url": "amqps://user:word@mq.example:5671/", "port": 5671}})
    assert rendered.find("Secret")["stringData"]["BROKER_URL"] == "amqps://user:word@mq.example:5671/"
    for name in ("api", "control", "worker-default"):
        assert "BROKER_URL" in environment(rendered.container(name))
    for name in ("api", "control", "worker"):
        assert 5671 in reached(rendered, name)


def test_redis_may_be_the_operators(helm: ChartRenderer) -> None:
    rendered = helm.render({"redis": {"builtIn": False, "url": "rediss://:word@redis.example:6390/0", "port": 6390}})
    assert rendered.find("Secret")["stringData"]["REDIS_URL"] == "rediss://:word@redis.example:6390/0"
    assert [one["metadata"]["name"] for one in rendered.kind("StatefulSet")] == [f"{NAME}-object-store"]
    assert 6390 in reached(rendered, "worker")


@pytest.mark.parametrize(("store", "port"), [("seaweedfs", 8333), ("minio", 9000)])
def test_one_value_chooses_the_store(helm: ChartRenderer, store: str, port: int) -> None:
    rendered = helm.render({"objectStore": {"type": store}})
    container = rendered.find("StatefulSet", "object-store")["spec"]["template"]["spec"]["containers"][0]
    assert container["name"] == store
    assert environment(rendered.container("api"))["S3_ENDPOINT"] == f"http://{NAME}-object-store:{port}"
    assert rendered.find("Service", "object-store")["spec"]["ports"][0]["port"] == port
    keys = {value["secretKeyRef"]["key"] for value in environment(container).values() if isinstance(value, dict)}
    assert keys >= {"S3_ACCESS_KEY", "S3_SECRET_KEY"}
    assert keys <= rendered.find("Secret")["stringData"].keys()


def test_seaweedfs_runs_as_it_does_in_compose(defaults: Rendered) -> None:
    """There its options are held to the server's own."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["object-store"]
    container = defaults.find("StatefulSet", "object-store")["spec"]["template"]["spec"]["containers"][0]
    assert (container["command"], container["args"]) == (compose["entrypoint"], compose["command"])
    assert environment(container).keys() == compose["environment"].keys()


def test_minio_is_the_last_that_was_published_and_warned_of(helm: ChartRenderer, defaults: Rendered) -> None:
    rendered = helm.render({"objectStore": {"type": "minio"}})
    container = rendered.find("StatefulSet", "object-store")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "minio/minio:RELEASE.2025-09-07T16-13-09Z"
    assert "archived" in rendered.notes
    assert "archived" not in defaults.notes


def test_the_bucket_encrypts(helm: ChartRenderer, examples: dict[str, Rendered]) -> None:
    assert environment(examples["defaults"].container("api"))["S3_ENCRYPTION"] == "sse-s3"
    kms = environment(examples["eks-a10"].container("control"))
    assert (kms["S3_ENCRYPTION"], kms["S3_KMS_KEY_ID"][:12]) == ("sse-kms", "arn:aws:kms:")
    server = helm.render({"objectStore": {"type": "minio"}}).find("StatefulSet", "object-store")
    # Without a key of its own MinIO refuses to encrypt.
    assert "MINIO_KMS_SECRET_KEY" in environment(server["spec"]["template"]["spec"]["containers"][0])


def test_a_cdn_stands_before_the_audio(examples: dict[str, Rendered]) -> None:
    for name in ("api", "control", "worker-a100"):
        settings = environment(examples["gke-a100"].container(name))
        assert settings["PUBLIC_AUDIO_BASE_URL"] == "https://cdn.example.com"


def test_clients_reach_api_and_audio_over_tls(examples: dict[str, Rendered]) -> None:
    rendered = examples["gke-t4"]
    for name, host in (("api", "speech.example.com"), ("object-store", "audio.example.com")):
        spec = rendered.find("Ingress", name)["spec"]
        assert spec["tls"][0]["hosts"] == [host]
        backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
        service = rendered.find("Service", name)
        assert backend["name"] == service["metadata"]["name"]
        assert backend["port"]["number"] in {port["port"] for port in service["spec"]["ports"]}
    assert environment(rendered.container("api"))["S3_PUBLIC_ENDPOINT"] == "https://audio.example.com"


def test_the_breaker_counts_failures_and_no_answers(examples: dict[str, Rendered]) -> None:
    rule = examples["eks-a10"].find("DestinationRule", "api")["spec"]
    assert rule["host"] == f"{NAME}-api.tts.svc.cluster.local"
    outliers = rule["trafficPolicy"]["outlierDetection"]
    assert outliers["splitExternalLocalOriginErrors"] is True
    assert (outliers["consecutiveLocalOriginFailures"], outliers["consecutive5xxErrors"]) == (5, 0)
    assert rule["trafficPolicy"]["connectionPool"]["http"]["http1MaxPendingRequests"] == 200


def test_clients_do_not_reach_the_figures(defaults: Rendered) -> None:
    """They name tenants: the API's port has none, and the port that has them is Prometheus's."""
    ingress = defaults.find("NetworkPolicy", "api")["spec"]["ingress"]
    assert [rule for rule in ingress if 9464 in ports_of(rule)] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "ports": [{"port": 9464}],
        }
    ]
    assert 9464 not in ports_of(next(rule for rule in ingress if "from" not in rule))


def test_what_the_job_store_answered_is_on_disk(defaults: Rendered) -> None:
    spec = defaults.find("StatefulSet", "valkey")["spec"]["template"]["spec"]
    args = spec["containers"][0]["args"]
    assert args[args.index("--appendonly") + 1 :][:3] == ["yes", "--appendfsync", "always"]


def test_only_ours_reach_the_servers(defaults: Rendered) -> None:
    for name, port in (("valkey", 6379), ("object-store", 8333)):
        spec = defaults.find("NetworkPolicy", name)["spec"]
        assert spec["egress"] == []
        assert [ports_of(rule) for rule in spec["ingress"]] == [{port}]
        labels = spec["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
        assert labels == {"app.kubernetes.io/name": "timbre", "app.kubernetes.io/instance": "speech"}


def test_webhooks_do_not_reach_private_networks(defaults: Rendered) -> None:
    public = [rule for rule in defaults.find("NetworkPolicy", "control")["spec"]["egress"] if 443 in ports_of(rule)]
    assert [rule["to"][0]["ipBlock"]["cidr"] for rule in public] == ["0.0.0.0/0"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(public[0]["to"][0]["ipBlock"]["except"])
    # Workers are told of no URLs.
    assert 443 not in reached(defaults, "worker")


def test_more_may_be_reached(helm: ChartRenderer) -> None:
    rendered = helm.render({"networkPolicy": {"extraEgress": [{"ports": [{"port": 4318}]}]}})
    for name in ("api", "control", "worker"):
        assert 4318 in reached(rendered, name)


def test_prometheus_finds_every_process_and_its_pool(examples: dict[str, Rendered]) -> None:
    rendered = examples["gke-a100"]
    spec = rendered.find("ServiceMonitor", "metrics")["spec"]
    assert "timbre/pool" in spec["podTargetLabels"]
    components = set(spec["selector"]["matchExpressions"][0]["values"])
    shown = [
        one
        for one in rendered.kind("Service")
        if one["metadata"]["labels"]["app.kubernetes.io/component"] in components
    ]
    assert {one["metadata"]["name"].removeprefix(f"{NAME}-") for one in shown} == {
        *("api", "control", "worker-a100", "worker-t4-spot")
    }
    assert all(spec["endpoints"][0]["port"] in {port["name"] for port in one["spec"]["ports"]} for one in shown)


def test_a_first_key_is_one_command_away(defaults: Rendered) -> None:
    assert f"exec deployment/{NAME}-api -- timbre keys create" in defaults.notes


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"objectStore": {"type": "external"}}, "objectStore.endpoint: which S3?"),
        ({"objectStore": OUTSIDE | {"secretKey": ""}}, "objectStore.secretKey: expected both"),
        ({"objectStore": OUTSIDE | {"encryption": "sse-kms"}}, "objectStore.kmsKeyId: expected a key"),
        ({"objectStore": {"encryption": "sse-kms", "kmsKeyId": "a"}}, "expected sse-s3 or none"),
        ({"redis": {"builtIn": False}}, "redis.url: which Redis?"),
        ({"broker": {"type": "rabbitmq"}}, "broker.url: which RabbitMQ?"),
        ({"ingress": {"enabled": True}}, "ingress.host: expected"),
        ({"pools": [{"name": "a"}, {"name": "a"}]}, "two are called a"),
        ({"pools": [{"name": "a", "priorities": ["default", "bulk"]}]}, "the priority interactive"),
        ({"worker": {"autoscaling": {"enabled": True}}}, "monitoring.prometheusUrl: KEDA asks"),
        ({"worker": {"models": [{"path": "a", "url": "https://a"}]}}, "nowhere to keep them"),
    ],
)
def test_what_cannot_be_together_is_said_in_words(helm: ChartRenderer, values: dict[str, Any], said: str) -> None:
    with pytest.raises(helm.errors, match=said.replace("?", r"\?")):
        helm.render(values)


@pytest.mark.parametrize(
    "values",
    [
        {"settings": {"MAX_CONCURENCY": 4}},
        {"settings": {"REDIS_URL": "redis://elsewhere"}},
        {"worker": {"settings": {"STOP_GRACE_SECONDS": 1}}},
        {"objectStore": {"type": "ceph"}},
        {"pools": []},
        {"pools": [{"name": "Upper"}]},
        {"pools": [{"name": "a", "gpus": 1}]},
        {"worker": {"gpu": {"count": 2}}},
        {"worker": {"models": [{"path": "../etc/passwd", "url": "https://a"}]}},
        {"worker": {"models": [{"path": "a", "url": "file:///etc/passwd"}]}},
        {"replicas": 3},
    ],
)
def test_wrong_values_are_refused_by_the_schema(helm: ChartRenderer, values: dict[str, Any]) -> None:
    with pytest.raises(helm.errors, match="schema"):
        helm.render(values)


def test_numbers_arrive_as_they_were_written(helm: ChartRenderer) -> None:
    rendered = helm.render({"settings": {"MAX_UPLOAD_BYTES": 20971520, "SPEED": 1.5, "RESULT_CACHE": False}})
    settings = environment(rendered.container("api"))
    assert [settings[name] for name in ("MAX_UPLOAD_BYTES", "SPEED", "RESULT_CACHE")] == ["20971520", "1.5", "false"]


def test_helm_has_nothing_to_complain_of(helm: ChartRenderer) -> None:
    from helm_python import lint

    report = lint(CHART, {}, strict=True, kube_version="v1.33.0")
    assert report["errors"] == []
    assert [one for one in report["messages"] if one["severity"] > 1] == []


def ports_of(rule: Object) -> set[int]:
    return {port["port"] for port in rule["ports"]}


def reached(rendered: Rendered, component: str) -> set[int]:
    return {port for rule in rendered.find("NetworkPolicy", component)["spec"]["egress"] for port in ports_of(rule)}
