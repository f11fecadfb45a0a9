"""Connections to Redis or Valkey, what their errors mean to us, and how its indexes sort."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from services.shared.cursor import Cursor, Listed
from services.shared.errors import JobStoreUnavailable

#: Before every key. The hash tag puts all of them into one slot, since scripts touch several at a time.
PREFIX = "timbre:{jobs}"
#: Before the job's id: the channel on which its changes are published.
NEWS = f"{PREFIX}:news:"

_CANNOT_SERVE_NOW = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
)
#: The same, told by replies that redis-py has no class for: the disk is full, too few replicas.
_CANNOT_WRITE_NOW = ("MISCONF", "NOREPLICAS")


def connect_redis(url: str, *, decode_responses: bool = True) -> Redis:
    """A thread-safe client; connects when first used. An outage shows within seconds.

    Two quick retries ride out a blip; a server that hangs is not asked again.
    """
    return Redis.from_url(
        url,
        decode_responses=decode_responses,
        socket_connect_timeout=2,
        socket_timeout=5,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), retries=2, supported_errors=(exceptions.ConnectionError,)),
    )


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn the errors of a server that cannot serve now into `JobStoreUnavailable`. Bugs stay what they are."""
    try:
        yield
    except _CANNOT_SERVE_NOW as error:
        raise JobStoreUnavailable("The job store does not answer.") from error
    except exceptions.ResponseError as error:
        # Not at the start: a pipeline's errors begin with the command's number.
        if not any(reply in str(error) for reply in _CANNOT_WRITE_NOW):
            raise
        raise JobStoreUnavailable("The job store takes no writes now.") from error


def place(record: Listed) -> str:
    """A record's member in an index. Sorts as text the way (created_at, id) sorts: a positive double's bits do."""
    return struct.pack(">d", record.created_at).hex() + record.id


def read_place(member: str) -> Cursor:
    """The time and id that `place` made the member of."""
    return Cursor(struct.unpack(">d", bytes.fromhex(member[:16]))[0], member[16:])
