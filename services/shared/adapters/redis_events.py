"""What happens to jobs, as it happens, over Redis or Valkey's publish and subscribe.

The scripts that change a record publish on the job's own channel (see `redis_scripts`): its revision and progress,
or nothing where the record is gone.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.shared.adapters.redis_client import NEWS, PREFIX
from services.shared.news import READ_AGAIN, JobNews, Mailbox, Mailboxes

logger = structlog.get_logger(__name__)

#: Keeps a connection subscribed to something while nobody listens to any job. Nothing is published on it.
_IDLE_CHANNEL = f"{PREFIX}:idle"
#: After so long without a word the server is asked for one; after as long again the connection counts as dead.
SILENCE_SECONDS = 10.0
CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 0.5


class RedisJobEvents:
    """`JobEvents` on one connection for all listeners: opened for the first, and again whenever it breaks.

    Whoever was subscribed anew is told to read the record: what was published meanwhile is lost.
    """

    def __init__(self, url: str, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        # Nothing is retried within: a connection that fails is thrown away, with all that was subscribed on it.
        never = Retry(NoBackoff(), 0, supported_errors=())
        # Nor timed by redis-py: until Python 3.12 its way of timing what it sends can swallow a cancellation.
        self._client = Redis.from_url(url, socket_timeout=None, socket_connect_timeout=None, retry=never)
        self._silence_seconds = silence_seconds
        self._mailboxes = Mailboxes()
        #: Jobs that gained or lost a listener since subscriptions were last looked at.
        self._unsettled: set[str] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Why there is no connection, as far as it was told.
        self._outage: str | None = None

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Mailbox]:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            with self._mailboxes.open(job_id) as mailbox:
                self._note(job_id)
                yield mailbox
        finally:
            self._note(job_id)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()

    def _note(self, job_id: str) -> None:
        self._unsettled.add(job_id)
        self._changed.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._connect()
            except* (exceptions.RedisError, OSError) as errors:
                self._note_outage(type(errors.exceptions[0]).__name__)
            except* Exception:
                logger.exception("events_failed")  # A bug; those who listen shall not pay for it.
            await asyncio.sleep(RECONNECT_SECONDS)

    def _note_outage(self, reason: str) -> None:
        """One line an outage, not one a try."""
        if reason != self._outage:
            logger.warning("events_interrupted", reason=reason)
        self._outage = reason

    async def _connect(self) -> None:
        """One connection's life. Only our own tasks use it: a client that leaves cannot cut a command in two."""
        async with self._client.pubsub() as pubsub:
            async with asyncio.timeout(CONNECT_SECONDS):
                await pubsub.subscribe(_IDLE_CHANNEL)
            self._outage = None
            self._unsettled = set(self._mailboxes.jobs())
            self._changed.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._subscribe(pubsub))
                tasks.create_task(self._read(pubsub))

    async def _subscribe(self, pubsub: PubSub) -> None:
        """Let the subscriptions follow the listeners."""
        followed: set[str] = set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            unsettled, self._unsettled = self._unsettled, set()
            wanted = {job_id for job_id in unsettled if job_id in self._mailboxes.jobs()}
            if new := wanted - followed:
                await pubsub.subscribe(*map(_channel, new))
            if left := (unsettled - wanted) & followed:
                await pubsub.unsubscribe(*map(_channel, left))
            followed = (followed | new) - left

    async def _read(self, pubsub: PubSub) -> None:
        while True:
            message = await self._next(pubsub)
            job_id = str(message["channel"] or b"", "ascii").removeprefix(NEWS)
            if message["type"] == "subscribe":
                self._mailboxes.put(job_id, READ_AGAIN)
            elif message["type"] == "message":
                self._mailboxes.put(job_id, _parse(message["data"]))

    async def _next(self, pubsub: PubSub) -> dict[str, Any]:
        """Raises `ConnectionError` where the server is silent even when asked."""
        message = await pubsub.get_message(timeout=self._silence_seconds)
        if message is None:
            await pubsub.ping()
            message = await pubsub.get_message(timeout=self._silence_seconds)
        if message is None:
            raise exceptions.ConnectionError("The server has fallen silent.")
        return dict(message)


def _channel(job_id: str) -> str:
    return NEWS + job_id


def _parse(data: bytes) -> JobNews:
    if not data:
        return READ_AGAIN
    revision, progress = data.split()
    return JobNews(int(revision), float(progress))
