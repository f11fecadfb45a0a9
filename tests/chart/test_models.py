"""Pools of unlike models: what requests may name, who speaks it, and what cannot be together."""

import re
from typing import Any

import pytest
import yaml

from services.shared.model_shares import ELEVENLABS_PREFIX, OPENAI_NAMES
from services.shared.settings import Settings, load_settings
from tests.chart.rendering import EXAMPLES, ROOT, ChartRenderer, Object, Rendered, environment
from tests.chart.test_workers import PROMETHEUS

BASE = {"name": "base", "model": {"name": "base", "weight": 9}, "settings": {"MODEL_NAME": "F5TTS_Base"}}
TUNED = {"name": "tuned", "model": {"name": "v1.5-tuned", "weight": 1}, "settings": {"MODEL_NAME": "F5TTS_v1_Base"}}


def test_requests_may_name_what_the_pools_hold(examples: dict[str, Rendered]) -> None:
    rendered = examples["two-models"]
    for name in ("api", "control"):
        assert told(rendered, name).models == {"base": 9, "narrator": 1}
    for name in ("base", "narrator"):
        worker = told(rendered, f"worker-{name}")
        assert worker.served_model == name
        # Workers hold what they hold, whoever else is there: another share replaces none of them.
        assert worker.models == {}


def test_pools_that_name_no_model_hold_the_same(defaults: Rendered) -> None:
    for name in ("api", "control", "worker-default"):
        assert not {"MODELS", "SERVED_MODEL_NAME"} & environment(defaults.container(name)).keys()


def test_the_api_judges_by_the_model_with_the_largest_share(helm: ChartRenderer) -> None:
    for share, name, architecture in ((9, "base", "F5TTS_Base"), (0.5, "v1.5-tuned", "F5TTS_v1_Base")):
        pools = [BASE | {"model": {"name": "base", "weight": share}}, TUNED]
        settings = told(helm.render({"pools": pools}), "api")
        assert (settings.served_model, settings.model_name) == (name, architecture)
        assert settings.models["base"] == share


def test_what_the_api_says_of_its_model_itself_holds(helm: ChartRenderer) -> None:
    values = {"pools": [BASE, TUNED], "api": {"settings": {"MODEL_NAME": "F5TTS_Small"}}}
    assert environment(helm.render(values).container("api"))["MODEL_NAME"] == "F5TTS_Small"


def test_pools_of_one_model_share_it(helm: ChartRenderer) -> None:
    """By GPU, or by priority: they are one model all the same."""
    pools = [
        BASE | {"name": "talk", "priorities": ["interactive"]},
        BASE | {"name": "rest", "priorities": ["default", "bulk"]},
    ]
    assert environment(helm.render({"pools": pools}).container("api"))["MODELS"] == "base=9"


def test_a_model_that_is_no_longer_offered_speaks_what_waits_for_it(helm: ChartRenderer) -> None:
    gone = TUNED | {"model": {"name": "v1.5-tuned", "offered": False}}
    rendered = helm.render({"pools": [BASE, gone]})
    assert environment(rendered.container("api"))["MODELS"] == "base=9"
    assert environment(rendered.container("worker-tuned"))["SERVED_MODEL_NAME"] == "v1.5-tuned"


def test_a_pool_scales_on_what_waits_for_its_model(helm: ChartRenderer) -> None:
    values = {
        "monitoring": PROMETHEUS,
        "worker": {"autoscaling": {"enabled": True}},
        "pools": [BASE, TUNED | {"priorities": ["interactive", "default"]}, TUNED | {"name": "night"}],
    }
    rendered = helm.render(values)
    asked = {
        name: rendered.find("ScaledObject", f"worker-{name}")["spec"]["triggers"][0]["metadata"]["query"]
        for name in ("base", "tuned", "night")
    }
    mine = 'namespace="tts",app_kubernetes_io_instance="speech"'
    assert asked["base"] == f'sum(max by (priority, model) (tts_queue_audio_seconds{{{mine},model=~"|base"}}))'
    assert 'priority=~"interactive|default",model=~' in asked["tuned"]
    # Prometheus reads a string, and in it an expression that has to match the whole of a name.
    (quoted,) = re.findall(r'model=~"([^"]+)"', asked["night"])
    expression = quoted.replace("\\\\", "\\")
    matched = [name for name in ("", "v1.5-tuned", "v1x5-tuned", "base") if re.fullmatch(expression, name)]
    assert matched == ["", "v1.5-tuned"]


def test_another_share_replaces_no_worker(helm: ChartRenderer) -> None:
    def pods(share: float) -> dict[str, Object]:
        rendered = helm.render({"pools": [BASE, TUNED | {"model": {"name": "v1.5-tuned", "weight": share}}]})
        return {name: rendered.find("Deployment", name)["spec"]["template"] for name in replaced}

    replaced = {"api": True, "control": True, "worker-base": False, "worker-tuned": False}
    before, after = pods(0), pods(1)
    assert {name: before[name] != after[name] for name in replaced} == replaced


def test_a_running_installation_gets_a_second_model_as_the_guide_says(helm: ChartRenderer) -> None:
    running = yaml.safe_load(next(path for path in EXAMPLES if path.stem == "gke-t4").read_text())
    named, beside = pools_of_the_guide()
    before, first, second = (helm.render(running | pools) for pools in ({}, named, beside))
    held = told(before, "worker-default").served_model
    # Whichever worker is there, it takes what the API sends.
    assert (told(first, "api").models, told(first, "worker-default").served_model) == ({held: 1}, held)
    assert told(second, "api").models == {held: 1, "narrator": 0}
    assert told(second, "api").ckpt_path == told(before, "api").ckpt_path
    old, new = (rendered.find("Deployment", "worker-default")["spec"]["template"] for rendered in (first, second))
    assert old == new
    narrator, fetched = told(second, "worker-narrator"), second.find("ConfigMap", "models")["data"]["narrator.json"]
    for path in (narrator.ckpt_path, narrator.vocoder_path):
        assert str(path).removeprefix("/models/") in fetched


def test_who_installs_it_is_told_of_the_models(examples: dict[str, Rendered]) -> None:
    assert "base=9,narrator=1" in examples["two-models"].notes
    assert "MODELS" not in examples["defaults"].notes


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ([BASE, {"name": "other"}], "expected model.name in all or in none"),
        ([{"name": "a", "model": {"weight": 1}}], "a has a model.weight and no model.name"),
        ([BASE, BASE | {"name": "b", "model": {"name": "base", "weight": 8}}], "the model base have unlike weights"),
        ([BASE | {"model": {"name": "base"}}], "no model has a share"),
        (
            [BASE, TUNED | {"model": {"name": "t", "weight": 1, "offered": False}}],
            "a model that is not offered",
        ),
        (
            [BASE, BASE | {"model": {"name": "t"}, "name": "t"}, TUNED | {"model": {"name": "t", "offered": False}}],
            "of those of the model t some are offered",
        ),
        ([BASE, TUNED | {"priorities": ["default", "bulk"]}], "the priority interactive for the model v1.5-tuned"),
    ],
)
def test_models_that_cannot_be_together_are_said_in_words(helm: ChartRenderer, pools: list[Any], said: str) -> None:
    with pytest.raises(helm.errors, match=said):
        helm.render({"pools": pools})


@pytest.mark.parametrize("name", ["a b", "-a", "a" * 65, *OPENAI_NAMES, f"{ELEVENLABS_PREFIX}v3"])
def test_names_that_the_services_refuse_are_refused(helm: ChartRenderer, name: str) -> None:
    with pytest.raises(helm.errors, match="schema"):
        helm.render({"pools": [{"name": "a", "model": {"name": name, "weight": 1}}]})


def pools_of_the_guide() -> tuple[dict[str, Any], dict[str, Any]]:
    """Values with the name that the model there is gets first, then with the other one beside it."""
    guide = (ROOT / "docs/operations.md").read_text().partition("### By shares")[2]
    first, more = re.findall(r"^( *)```yaml\n(.*?)^ *```$", guide, re.MULTILINE | re.DOTALL)[:2]
    text = first[1] + re.sub(f"^{more[0]}", "", more[1], flags=re.MULTILINE)
    return yaml.safe_load(first[1]), yaml.safe_load(text)


def told(rendered: Rendered, deployment: str) -> Settings:
    """What a process makes of its environment, with a word in place of each secret that it needs."""
    given = environment(rendered.container(deployment))
    secrets = {"REDIS_URL": "redis://valkey", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    return load_settings({name: value for name, value in given.items() if isinstance(value, str)} | secrets)
