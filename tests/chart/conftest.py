"""Every example, rendered once a session. The tools are wheels; a laptop for which there is none skips, CI does not."""

import os

import pytest
import yaml

from tests.chart.rendering import EXAMPLES, ChartRenderer, Rendered


@pytest.fixture(scope="session")
def helm() -> ChartRenderer:
    if not os.environ.get("CI"):
        pytest.importorskip("helm_python")
    return ChartRenderer()


@pytest.fixture(scope="session")
def examples(helm: ChartRenderer) -> dict[str, Rendered]:
    """By name, and the chart's defaults as `defaults`."""
    named = {path.stem: yaml.safe_load(path.read_text()) for path in EXAMPLES}
    return {name: helm.render(values) for name, values in {"defaults": {}, **named}.items()}


@pytest.fixture(params=["defaults", *(path.stem for path in EXAMPLES)])
def example(request: pytest.FixtureRequest, examples: dict[str, Rendered]) -> Rendered:
    return examples[request.param]


@pytest.fixture
def defaults(examples: dict[str, Rendered]) -> Rendered:
    return examples["defaults"]
