"""One server's requests: built, sent, sent again where that is safe, and judged."""

import logging
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx

from timbre_client.address import Address, shown
from timbre_client.decoding import T, decode
from timbre_client.errors import (
    ApiError,
    AudioUnavailable,
    ConfigurationError,
    ConflictError,
    InvalidId,
    RateLimitError,
    ServerUnreachable,
    ServiceUnavailableError,
    TimbreError,
    UnexpectedAnswer,
    UploadRefused,
    api_error,
)
from timbre_client.line import Line
from timbre_client.uploads import Files

if TYPE_CHECKING:
    from timbre_client.wire import Wire

log = logging.getLogger("timbre_client")

USER_AGENT: Final = f"timbre-client (httpx {httpx.__version__})"
#: What is said of where audio lies, whose address is a secret.
STORE: Final = "the store"
#: Seconds before the first repetition, doubled for each further one, up to the last.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
#: Who is told to come back later than this is told no more than that.
LONGEST_RETRY_AFTER: Final = 60.0

_CHANCE: Final = random.SystemRandom()
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Call:
    """One request. `fields` and `files` make a multipart form."""

    method: str
    path: str
    params: Mapping[str, str | None] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Files = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether doing it twice does what doing it once does.
    repeatable: bool = False

    def build(self, address: Address) -> httpx.Request:
        params = {name: value for name, value in self.params.items() if value is not None}
        url = address.join(self.path).copy_merge_params(params)
        headers = {"User-Agent": USER_AGENT, **address.headers(), **self.headers}
        return httpx.Request(self.method, url, headers=headers, files=_parts(self.fields, self.files), json=self.json)

    @property
    def rewinds(self) -> bool:
        """Whether what it sends can be sent again."""
        return all(file.seekable() for _, file in self.files.values())


@dataclass(frozen=True)
class Session:
    line: Line
    address: Address
    max_retries: int = 2
    clock: Callable[[], float] = monotonic

    async def request(self, call: Call, *, max_retries: int | None = None, whole: bool = True) -> httpx.Response:
        """The answer, with its body if `whole`. Raises `ApiError`, `ServerUnreachable`, `UnexpectedAnswer`."""
        left = self.max_retries if max_retries is None else max_retries
        for attempt in range(left + 1):
            try:
                return await self._ask(call, whole=whole)
            except (ApiError, ServerUnreachable) as error:
                pause = _pause(error, attempt)
                if attempt == left or pause is None or not _may_repeat(call, error):
                    raise
                log.debug("%s %s again in %.1f s: %s", call.method, call.path, pause, type(error).__name__)
            await self.line.sleep(pause)
        raise AssertionError("unreachable")

    async def read(self, kind: type[T], call: Call, *, max_retries: int | None = None) -> T:
        """The answer as a `kind`. Raises what `request` raises, and `UnexpectedAnswer`."""
        return decode(kind, await self.document(call, max_retries=max_retries))

    async def document(self, call: Call, *, max_retries: int | None = None) -> dict[str, Any]:
        response = await self.request(call, max_retries=max_retries)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise UnexpectedAnswer(f"{self.address} does not answer like Timbre.")
        return body

    async def open(self, url: str) -> httpx.Response:
        """What a signed link leads to, its body unread. Raises `AudioUnavailable`, `ServerUnreachable`."""
        with translating(STORE):
            request = httpx.Request("GET", url)
            response = await self.line.send(request, follow=True)
            if response.is_error:
                await self.line.release(response)
                raise AudioUnavailable(response.status_code)
        return response

    async def store(self, url: str, fields: Mapping[str, str], files: Files) -> None:
        """Send a signed form, without a key. Raises `UploadRefused`, `ServerUnreachable`."""
        with translating(STORE):
            response = await self.line.send(httpx.Request("POST", url, files=_parts(fields, files)), follow=False)
            await self.line.release(response)
        if not response.is_success:
            raise UploadRefused(response.status_code)

    async def chunks(self, response: httpx.Response, where: str) -> AsyncGenerator[bytes, None]:
        """The body of what was not read whole, which is let go of then. Raises `ServerUnreachable` where it breaks."""
        try:
            with translating(where):
                async with aclosing(self.line.chunks(response)) as chunks:
                    async for chunk in chunks:
                        yield chunk
        finally:
            await self.line.release(response)

    def open_wire(self, path: str) -> AbstractAsyncContextManager["Wire"]:
        """A WebSocket. Raises `ServerUnreachable`, and `ConfigurationError` where what it needs is not installed."""
        url = self.address.join(path)
        url = url.copy_with(scheme="wss" if url.scheme == "https" else "ws")
        try:
            return self.line.open_wire(str(url), {"User-Agent": USER_AGENT, **self.address.headers()})
        except ImportError as error:
            raise ConfigurationError("To speak live, install `websockets`, or `timbre[live]`.") from error

    async def _ask(self, call: Call, *, whole: bool) -> httpx.Response:
        request = call.build(self.address)
        with translating(shown(request.url)):
            response = await self.line.send(request, follow=False)
            if whole or not response.is_success:
                await self.line.read(response)
        if response.is_error:
            raise api_error(response)
        if not response.is_success:
            raise UnexpectedAnswer(f"{self.address} does not answer like Timbre.")
        return response


def _parts(fields: Mapping[str, str], files: Files) -> Any:
    """A form as httpx takes it, the files last."""
    return {name: (None, value) for name, value in fields.items()} | files or None


@contextmanager
def translating(where: str) -> Iterator[None]:
    """httpx's errors as ours, which tell no query."""
    try:
        yield
    except (httpx.RequestError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise ServerUnreachable(where, reason, sent=not isinstance(error, _NEVER_SENT)) from error


def path_of(*names: str) -> str:
    """`/jobs/…` with the names escaped. Raises `InvalidId` for names that would lead elsewhere."""
    for name in names:
        if name.strip(".") == "":
            raise InvalidId(f"{name!r} is no id.")
    return "".join(f"/{quote(name, safe='')}" for name in names)


def is_transient(error: TimbreError) -> bool:
    """Whether the same may go well in a moment."""
    if isinstance(error, ConflictError):
        return error.type.endswith("/idempotency-key-in-use")
    return isinstance(error, (ServerUnreachable, RateLimitError, ServiceUnavailableError))


def _may_repeat(call: Call, error: TimbreError) -> bool:
    never_arrived = isinstance(error, ServerUnreachable) and not error.sent
    refused_at_the_door = isinstance(error, RateLimitError)
    return is_transient(error) and call.rewinds and (call.repeatable or never_arrived or refused_at_the_door)


def _pause(error: TimbreError, attempt: int) -> float | None:
    """Seconds until the next attempt; None where that is too long to wait."""
    asked = retry_after_of(error)
    pause = jittered(min(FIRST_PAUSE * 2.0**attempt, LONGEST_PAUSE))
    return None if asked > LONGEST_RETRY_AFTER else max(asked, pause)


def retry_after_of(error: TimbreError) -> float:
    """Seconds that the server asked for, 0 for none."""
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0


def jittered(seconds: float) -> float:
    """Up to a quarter less: it spreads out clients that were all turned away at once."""
    return seconds * _CHANCE.uniform(0.75, 1.0)
