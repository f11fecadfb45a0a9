"""What several of these need: an API that is served."""

from collections.abc import Iterator

import pytest

from tests.served import Served
from tests.unit.api.client import KEYS


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served(api_keys=KEYS, max_wait_seconds=20.0).start()
    yield served
    served.close()
