"""HTTP to addresses that strangers name."""

from collections.abc import Mapping
from typing import Protocol

from services.shared.ports.basics import Sink


class Outbound(Protocol):
    """HTTP to addresses that strangers name. Each call judges anew where the URL leads, and goes nowhere else.

    `seconds` bounds a call from its first connection to its last byte. Every method may raise `UrlRefused`, those
    that connect `UrlUnreachable` too.
    """

    def check(self, url: str) -> None: ...

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        """The status that was answered. A redirect is an answer like any other."""
        ...

    def fetch(self, url: str, sink: Sink, *, max_bytes: int, seconds: float) -> None:
        """Give `sink` what lies under the URL, through redirects. Raises `UrlNotServed`, `ContentTooLarge`."""
        ...
