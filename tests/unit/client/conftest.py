"""Every test runs with both clients."""

from collections.abc import Iterator

import pytest

from services.shared.signing import new_secret
from services.shared.testing import memory_parts
from tests.unit.api.client import KEYS

from .kit import Kit


@pytest.fixture(params=["blocking", "asynchronous"])
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    kit = Kit(memory_parts(api_keys=KEYS, webhook_secret=new_secret()), asynchronous=request.param == "asynchronous")
    yield kit
    kit.close()
