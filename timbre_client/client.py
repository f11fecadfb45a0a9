"""The two clients."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Self

import httpx

from timbre_client.address import Address
from timbre_client.batches import AsyncBatches, Batches
from timbre_client.blocking import run
from timbre_client.direct_uploads import AsyncUploads, Uploads
from timbre_client.jobs import AsyncJobs, Jobs
from timbre_client.line import AsyncLine, BlockingLine
from timbre_client.session import Session
from timbre_client.tts import AsyncTts, Tts
from timbre_client.voices import AsyncVoices, Voices
from timbre_client.webhook_secret import AsyncWebhookSecrets, WebhookSecrets

#: Seconds without a byte.
TIMEOUT: Final = 30.0
CONNECT_TIMEOUT: Final = 5.0


class AsyncTimbre:
    """Timbre, awaited, under asyncio. A context manager; safe for many tasks.

    `base_url` and `api_key` are taken from TIMBRE_URL and TIMBRE_API_KEY where they are not given. `timeout` is in
    seconds without a byte. What failed and may pass is tried again `max_retries` times, where that is safe.
    Raises `ConfigurationError`.
    """

    tts: AsyncTts
    jobs: AsyncJobs
    batches: AsyncBatches
    voices: AsyncVoices
    uploads: AsyncUploads
    webhook_secret: AsyncWebhookSecrets

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        max_retries: int = 2,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        line = AsyncLine(_timeout(timeout), transport, sleep)
        self._session = Session(line, Address.find(base_url, api_key), max_retries, clock)
        self.jobs, self.batches = AsyncJobs(self._session), AsyncBatches(self._session)
        self.voices, self.tts = AsyncVoices(self._session), AsyncTts(self._session, self.jobs)
        self.uploads, self.webhook_secret = AsyncUploads(self._session), AsyncWebhookSecrets(self._session)

    async def close(self) -> None:
        await self._session.line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncTimbre({str(self._session.address)!r})"


class Timbre:
    """Timbre, waited for. A context manager; safe for many threads. All else is as `AsyncTimbre` has it."""

    tts: Tts
    jobs: Jobs
    batches: Batches
    voices: Voices
    uploads: Uploads
    webhook_secret: WebhookSecrets

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        max_retries: int = 2,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        line = BlockingLine(_timeout(timeout), transport, sleep)
        self._session = Session(line, Address.find(base_url, api_key), max_retries, clock)
        jobs = AsyncJobs(self._session)
        self.jobs, self.batches = Jobs(jobs), Batches(AsyncBatches(self._session))
        self.voices, self.tts = Voices(AsyncVoices(self._session)), Tts(AsyncTts(self._session, jobs))
        self.uploads = Uploads(AsyncUploads(self._session))
        self.webhook_secret = WebhookSecrets(AsyncWebhookSecrets(self._session))

    def close(self) -> None:
        run(self._session.line.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Timbre({str(self._session.address)!r})"


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT))
