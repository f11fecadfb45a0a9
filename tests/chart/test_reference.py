"""What is made of values.yaml is in step with it, and with the services."""

import json

import pytest
import yaml

from deploy.helm import reference
from services.shared.settings import Settings
from tests.chart.rendering import CHART, EXAMPLES, ROOT

VALUES = (CHART / "values.yaml").read_text()


def test_schema_and_readme_are_in_step() -> None:
    values = reference.read_values(VALUES)
    assert json.loads((CHART / "values.schema.json").read_text()) == reference.schema(values), "run `make docs`"
    template = (CHART / "README.tmpl.md").read_text()
    assert (CHART / "README.md").read_text() == reference.readme(template, values), "run `make docs`"


def test_every_setting_is_the_charts_or_the_users() -> None:
    settable = reference.schema(reference.read_values(VALUES))["definitions"]["settings"]["properties"]
    assert {name.lower() for name in settable} | {name.lower() for name in reference.OURS} == set(Settings.model_fields)


def test_a_value_without_a_comment_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.c has no comment"):
        reference.read_values("# One.\na:\n  # Two.\n  b: 1\n\n  c: 2\n")


def test_comments_say_more_than_types() -> None:
    (value,) = reference.read_values('# How many.\n# @schema {"minimum": 1}\na: 2\n')
    assert reference.schema_of(value) == {"description": "How many.", "type": "integer", "minimum": 1}


def test_the_readme_names_every_example() -> None:
    text = (CHART / "README.md").read_text()
    assert [path.name for path in EXAMPLES if f"(examples/{path.name})" not in text] == []


def test_every_example_says_what_it_is_for() -> None:
    assert all(path.read_text().startswith("# ") for path in EXAMPLES)


def test_the_chart_is_of_this_release() -> None:
    import tomllib

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
