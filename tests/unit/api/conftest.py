"""Clients of the API, by what they need of it."""

from collections.abc import Callable
from typing import Any

import pytest

from services.shared.testing import memory_parts
from tests.unit.api.client import KEYS, Client


@pytest.fixture
def make_client() -> Callable[..., Client]:
    """A client of an API with these settings."""

    def make(
        *, stall_seconds: float = 5.0, quiet_seconds: float = 5.0, recheck_seconds: float = 5.0, **settings: Any
    ) -> Client:
        return Client(
            memory_parts(**settings),
            stall_seconds=stall_seconds,
            quiet_seconds=quiet_seconds,
            recheck_seconds=recheck_seconds,
        )

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture
def locked(make_client: Callable[..., Client]) -> Client:
    """A client of an API that knows two keys."""
    return make_client(api_keys=KEYS)
