"""`Outbound` over real sockets."""

import ssl
import time
from collections.abc import Mapping
from typing import Final

import httpcore

from services.shared.errors import UrlNotServed
from services.shared.outbound.guard import Guard
from services.shared.outbound.transfer import transfer
from services.shared.outbound.transport import Stopwatch, Transport
from services.shared.ports import Sink

_OK: Final = 200
_REDIRECTS: Final = (301, 302, 303, 307, 308)
#: Requests made for one fetch at most.
_MAX_HOPS: Final = 5
#: Nothing is unpacked, so that what is counted is what was sent.
_AS_IT_IS: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}


class HttpOutbound:
    """`Outbound` whose every connection goes to an address that was judged for that very request. Thread-safe."""

    def __init__(
        self,
        guard: Guard,
        *,
        tls: ssl.SSLContext | None = None,
        backend: httpcore.NetworkBackend | None = None,
        clock: Stopwatch = time.monotonic,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._transport = Transport(tls or httpcore.default_ssl_context(), backend or httpcore.SyncBackend(), clock)

    def check(self, url: str) -> None:
        self._guard.judge(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        destination = self._guard.judge(url)
        with self._transport.request("POST", destination, seconds=seconds, headers=headers, content=body) as response:
            return response.status

    def fetch(self, url: str, sink: Sink, *, max_bytes: int, seconds: float) -> None:
        end = self._clock() + seconds
        for _ in range(_MAX_HOPS):
            location = self._follow(url, sink, max_bytes, end - self._clock())
            if location is None:
                return
            url = location
        raise UrlNotServed(f"The URL leads through more than {_MAX_HOPS - 1} redirects.")

    def _follow(self, url: str, sink: Sink, max_bytes: int, seconds: float) -> str | None:
        """One hop: None where the content came, else where it is said to lie, not judged yet."""
        destination = self._guard.judge(url)
        with self._transport.request("GET", destination, seconds=seconds, headers=_AS_IT_IS) as response:
            if response.status == _OK:
                transfer(response.iter_stream(), sink, max_bytes)
                return None
            location = _location(response)
        if location is None:
            raise UrlNotServed(f"The URL's server answered {response.status}.")
        return destination.url.join(location.decode("latin-1"))


def _location(response: httpcore.Response) -> bytes | None:
    if response.status not in _REDIRECTS:
        return None
    return next((value for name, value in response.headers if name.lower() == b"location"), None)
