"""The store of keys, beside the API: `REDIS_URL`, or the embedded server of this home."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from services.cli import credentials, record
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.stack import VALKEY
from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.redis_keys import RedisKeyStore
from services.shared.errors import KeyNotFound, Unavailable
from services.shared.ports import KeyStore


@contextmanager
def key_store() -> Iterator[KeyStore]:
    """Raises `CliError` where there is none, or what went wrong with it."""
    with connect_redis(find_redis(os.environ)) as client:
        try:
            yield RedisKeyStore(client)
        except KeyNotFound as error:
            raise CliError(str(error), hint="`timbre keys list` shows what there is.") from error
        except Unavailable as error:
            raise CliError(str(error), hint="It is at REDIS_URL, or part of the stack of this home.") from error


def find_redis(environ: Mapping[str, str]) -> str:
    """The server's URL. Raises `CliError` where nothing runs."""
    if url := environ.get("REDIS_URL"):
        return url
    home = Home.find(environ)
    stack = record.running(home)
    address = next((part.address for part in stack.parts if part.name == VALKEY), "") if stack else ""
    if not address:
        raise CliError(
            "Nothing is running here.", hint="Start it with `timbre up`, or name the service's server in REDIS_URL."
        )
    return f"redis://:{quote(credentials.load_or_create(home).redis_password)}@{address}/0"
