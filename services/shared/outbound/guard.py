"""The judgement on a stranger's URL: where it leads now, and whether we go there."""

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from services.shared.errors import UrlRefused
from services.shared.outbound.addresses import is_public
from services.shared.outbound.urls import HttpUrl, parse_url

#: All addresses of a host. Raises `OSError` where it has none.
Resolver = Callable[[str], Sequence[str]]

#: What web servers listen on; a stranger has no business with other ports of other people's machines.
_PORTS: Final = (443, 8443)


@dataclass(frozen=True)
class Destination:
    """A URL, and the addresses it may be fetched from: exactly those that were judged."""

    url: HttpUrl
    addresses: tuple[str, ...]


class Guard:
    """Lets https to public addresses pass, and whatever leads to the hosts and networks that the operator lists."""

    def __init__(self, allowed: Iterable[str], resolve: Resolver) -> None:
        """`allowed` holds host names, addresses and networks, as `OUTBOUND_ALLOWED_HOSTS` does."""
        entries = [_parse_entry(entry) for entry in allowed]
        self._names = {entry for entry in entries if isinstance(entry, str)}
        self._networks = [entry for entry in entries if not isinstance(entry, str)]
        self._resolve = resolve

    def judge(self, url: str) -> Destination:
        """Raises `UrlRefused`. One address that is not public refuses them all: which one is asked is chance."""
        parsed = parse_url(url)
        addresses = self._addresses(parsed.host)
        if not self._is_listed(parsed.host, addresses):
            _require_public(parsed, addresses)
        return Destination(parsed, addresses)

    def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            ip_address(host)
        except ValueError:
            return self._resolved(host)
        return (host,)

    def _resolved(self, host: str) -> tuple[str, ...]:
        try:
            addresses = tuple(dict.fromkeys(self._resolve(host)))
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            # The same words as for a private address: names inside our network are not for strangers to find out.
            raise _not_public()
        return addresses

    def _is_listed(self, host: str, addresses: Sequence[str]) -> bool:
        return host in self._names or all(self._in_networks(address) for address in addresses)

    def _in_networks(self, address: str) -> bool:
        return any(ip_address(address) in network for network in self._networks)


def resolve(host: str) -> Sequence[str]:
    """What the system's resolver says. Blocking, for as long as its own limits let it."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


def _parse_entry(entry: str) -> str | IPv4Network | IPv6Network:
    """A network where it is one, else a name."""
    try:
        return ip_network(entry)
    except ValueError:
        return entry.lower().removesuffix(".")


def _require_public(url: HttpUrl, addresses: Sequence[str]) -> None:
    if url.scheme != "https":
        raise UrlRefused("The URL does not start with https://.")
    if url.port not in _PORTS:
        raise UrlRefused(f"The URL's port is not {' or '.join(map(str, _PORTS))}.")
    if not all(map(is_public, addresses)):
        raise _not_public()


def _not_public() -> UrlRefused:
    return UrlRefused("The URL's host has no address on the public internet.")
