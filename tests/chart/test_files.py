"""Files that settings name, and variables that are none of ours, reach the processes that ask for them."""

from pathlib import Path
from typing import Any

import pytest

from services.shared.errors import TextRefused
from services.shared.hooks import load_text_hooks
from services.shared.testing import make_settings
from tests.chart.rendering import NAME, ChartRenderer, Object, Rendered, environment
from tests.chart.schemas import validate

PROCESSES = ("api", "control", "worker-default")
WORDS = "# Not to be spoken\nrhubarb\nrotten: tomato\n"
FILTER = {"TEXT_HOOKS": "content-filter", "CONTENT_FILTER_PATH": "/files/words.txt"}


def filtering(words: str = WORDS) -> dict[str, Any]:
    return {"settings": FILTER, "files": {"content": {"words.txt": words}}}


def test_a_word_list_is_where_the_content_filter_looks(helm: ChartRenderer, tmp_path: Path) -> None:
    rendered = helm.render(filtering())
    for one in rendered.objects:
        validate(one)
    given, mounted = environment(rendered.container("api")), files(rendered, "api")
    (tmp_path / "words.txt").write_text(mounted[given["CONTENT_FILTER_PATH"]])
    hooks = load_text_hooks(
        make_settings(text_hooks=given["TEXT_HOOKS"].split(","), content_filter_path=tmp_path / "words.txt")
    )
    assert hooks.process("Pass me the butter.", "tenant") == "Pass me the butter."
    with pytest.raises(TextRefused):
        hooks.process("Pass me the rhubarb.", "tenant")


def test_every_process_reads_the_files_and_writes_none(helm: ChartRenderer) -> None:
    rendered = helm.render(filtering())
    for name in PROCESSES:
        assert files(rendered, name) == {"/files/words.txt": WORDS}
        assert {"name": "files", "mountPath": "/files", "readOnly": True} in rendered.container(name)["volumeMounts"]


def test_pods_are_replaced_when_a_file_changes(helm: ChartRenderer) -> None:
    def annotations(words: str) -> list[Object]:
        rendered = helm.render(filtering(words))
        return [rendered.find("Deployment", name)["spec"]["template"]["metadata"]["annotations"] for name in PROCESSES]

    assert annotations("rhubarb") == annotations("rhubarb")
    assert all(one != other for one, other in zip(annotations("rhubarb"), annotations("rotten"), strict=True))


def test_a_map_of_the_operators_is_mounted(helm: ChartRenderer) -> None:
    rendered = helm.render({"settings": FILTER, "files": {"existingConfigMap": "house-rules"}})
    assert rendered.kind("ConfigMap") == []
    for name in PROCESSES:
        volumes = rendered.find("Deployment", name)["spec"]["template"]["spec"]["volumes"]
        assert {"name": "files", "configMap": {"name": "house-rules"}} in volumes


def test_without_files_nothing_is_mounted(defaults: Rendered) -> None:
    for name in PROCESSES:
        assert all(mount["name"] != "files" for mount in defaults.container(name)["volumeMounts"])


def test_variables_that_are_no_settings_reach_every_process(helm: ChartRenderer) -> None:
    secret = {"secretKeyRef": {"name": "tracing", "key": "headers"}}
    rendered = helm.render(
        {
            "files": {"content": {"ca.pem": "-----BEGIN CERTIFICATE-----"}},
            "extraEnv": [
                {"name": "SSL_CERT_FILE", "value": "/files/ca.pem"},
                {"name": "OTEL_EXPORTER_OTLP_HEADERS", "valueFrom": secret},
            ],
        }
    )
    for one in rendered.objects:
        validate(one)
    for name in PROCESSES:
        given = environment(rendered.container(name))
        assert given["SSL_CERT_FILE"] in files(rendered, name)
        assert given["OTEL_EXPORTER_OTLP_HEADERS"] == secret


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"settings": FILTER}, "CONTENT_FILTER_PATH is /files/words.txt, and there is no words.txt"),
        (filtering() | {"settings": {"TEXT_HOOKS": "other, content-filter"}}, "CONTENT_FILTER_PATH: TEXT_HOOKS has"),
        (filtering() | {"settings": FILTER | {"TEXT_HOOKS": "other"}}, "nothing would read CONTENT_FILTER_PATH"),
        ({"pools": [{"name": "a", "settings": {"VOCAB_PATH": "/files/v.txt"}}]}, "VOCAB_PATH is /files/v.txt, and"),
        ({"extraEnv": [{"name": "SSL_CERT_FILE", "value": "/files/ca.pem"}]}, "there is no ca.pem"),
        ({"files": {"content": {"a": "b"}, "existingConfigMap": "c"}}, "not both"),
    ],
)
def test_a_file_that_is_not_there_is_said_in_words(helm: ChartRenderer, values: dict[str, Any], said: str) -> None:
    with pytest.raises(helm.errors, match=said):
        helm.render(values)


@pytest.mark.parametrize(
    "values",
    [
        {"files": {"content": {"../words.txt": "a"}}},
        {"files": {"content": {"words.txt": ["a"]}}},
        {"extraEnv": [{"name": "MAX_CONCURRENCY", "value": "4"}]},
        {"extraEnv": [{"name": "REDIS_URL", "value": "redis://elsewhere"}]},
        {"extraEnv": [{"name": "A", "text": "b"}]},
    ],
)
def test_what_is_no_file_or_variable_is_refused(helm: ChartRenderer, values: dict[str, Any]) -> None:
    with pytest.raises(helm.errors, match="schema"):
        helm.render(values)


def files(rendered: Rendered, deployment: str) -> dict[str, str]:
    """What a process finds, by path."""
    mounts = {one["name"]: one["mountPath"] for one in rendered.container(deployment)["volumeMounts"]}
    pod = rendered.find("Deployment", deployment)["spec"]["template"]["spec"]
    (source,) = [one["configMap"]["name"] for one in pod["volumes"] if one["name"] == "files"]
    data = rendered.find("ConfigMap", source.removeprefix(f"{NAME}-"))["data"]
    return {f"{mounts['files']}/{name}": text for name, text in data.items()}
