"""One request to a judged address, within one deadline. No pool, no proxy, no cookies, no redirects, no decoding."""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpcore

from services.shared.errors import UrlUnreachable
from services.shared.outbound.guard import Destination

#: Seconds from anywhere; monotonic.
Stopwatch = Callable[[], float]

_ERRORS: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class Deadline:
    """The end of a request, however it spends its time: a server that sends a byte now and then gains none."""

    def __init__(self, seconds: float, clock: Stopwatch) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds. Raises httpcore's `ReadTimeout` when none are left."""
        seconds = self._end - self._clock()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds


class Transport:
    """Thread-safe."""

    def __init__(self, tls: ssl.SSLContext, backend: httpcore.NetworkBackend, clock: Stopwatch) -> None:
        self._tls = tls
        self._backend = backend
        self._clock = clock

    @contextmanager
    def request(
        self,
        method: str,
        destination: Destination,
        *,
        seconds: float,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Iterator[httpcore.Response]:
        """The answer, its body yet to be read within the same deadline. Raises `UrlUnreachable`."""
        url = destination.url
        target = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        pinned = _Pinned(self._backend, destination.addresses, Deadline(seconds, self._clock))
        head = [("Host", url.authority), ("User-Agent", "timbre"), ("Connection", "close"), *headers.items()]
        # The certificate is checked for the URL's host, which is also what SNI names.
        with (
            _translated(),
            httpcore.HTTPConnection(target.origin, self._tls, network_backend=pinned) as connection,
            connection.stream(method, target, headers=head, content=content) as response,
        ):
            yield response


class _Pinned(httpcore.NetworkBackend):
    """Connects to the judged addresses, first come first served, whatever the host's name means by now."""

    def __init__(self, backend: httpcore.NetworkBackend, addresses: Iterable[str], deadline: Deadline) -> None:
        self._backend = backend
        self._addresses = tuple(addresses)
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError()
        for others, address in zip(reversed(range(len(self._addresses))), self._addresses, strict=True):
            # An address that swallows everything leaves the others their share of the time.
            seconds = self._deadline.left() / (others + 1)
            try:
                stream = self._backend.connect_tcp(address, port, seconds, socket_options=[])
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self._deadline)
        raise failed


class _Timed(httpcore.NetworkStream):
    """A stream whose every step ends with the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)
        except BaseException:
            self._stream.close()  # Nobody else holds it yet.
            raise

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise UrlUnreachable("The URL's server did not answer in time.") from error
    except _ERRORS as error:
        raise UrlUnreachable("The URL's server could not be reached, or broke off.") from error
