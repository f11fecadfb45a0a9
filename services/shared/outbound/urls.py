"""Reading a stranger's URL one way only: what two parsers could read differently is refused."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import idna

from services.shared.errors import UrlRefused

MAX_URL_CHARACTERS = 2_048
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
#: A last label that resolvers read as a number makes all of the host an IPv4 address, in whichever notation.
_NUMERIC: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
#: What may stand in a request line as it is.
_SAFE: Final = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True)
class HttpUrl:
    """A URL as it is requested. `host` is a name in ASCII, or an address without brackets."""

    scheme: str
    host: str
    port: int
    #: Path and query. May hold secrets, as webhooks' URLs do.
    target: str

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def join(self, location: str) -> str:
        """The URL that a redirect to `location` means, yet to be parsed. Raises `UrlRefused`."""
        try:
            return urljoin(f"{self.scheme}://{self.authority}{self.target}", location)
        except ValueError as error:
            raise UrlRefused("The URL leads to one that cannot be read.") from error


def parse_url(url: str) -> HttpUrl:
    """Raises `UrlRefused`, in words for whoever sent it."""
    if len(url) > MAX_URL_CHARACTERS:
        raise UrlRefused(f"The URL has more than {MAX_URL_CHARACTERS} characters.")
    if not url.isprintable() or " " in url or "\\" in url:
        raise UrlRefused("The URL holds spaces, backslashes or control characters.")
    parts, port = _split(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise UrlRefused("The URL does not start with https://.")
    if "@" in parts.netloc:
        raise UrlRefused("The URL holds a user name or password.")
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    host = _parse_host(parts.hostname or "", bracketed="[" in parts.netloc)
    return HttpUrl(parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port, target)


def parse_bucket_url(url: str) -> tuple[str, str] | None:
    """Bucket and key of an `s3://bucket/key`, taken as they are; None for a URL of another scheme.

    Raises `UrlRefused`.
    """
    scheme, _, place = url.partition("://")
    if scheme.lower() != "s3":
        return None
    bucket, _, key = place.partition("/")
    if not bucket or not key or len(url) > MAX_URL_CHARACTERS:
        raise UrlRefused("The URL is not s3://bucket/key.")
    return bucket, key


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        raise UrlRefused("The URL's host or port cannot be read.") from error


def _parse_host(host: str, *, bracketed: bool) -> str:
    if bracketed:
        return _parse_ipv6(host)
    name = _to_ascii(host).removesuffix(".")
    if not _NAME.fullmatch(name):
        raise UrlRefused("The URL's host is not a name or an address.")
    return _parse_ipv4(name) if _NUMERIC.fullmatch(name) else name


def _to_ascii(host: str) -> str:
    """Names in other scripts as resolvers take them; digits and dots in other scripts become what they look like."""
    try:
        return idna.encode(host, uts46=True).decode() if not host.isascii() else host.lower()
    except idna.IDNAError as error:
        raise UrlRefused("The URL's host is not a name.") from error


def _parse_ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError as error:
        raise UrlRefused("The URL's host is a number; an address is written as four decimal numbers.") from error


def _parse_ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError as error:
        raise UrlRefused("The URL's host is not an IPv6 address.") from error
    if address.scope_id is not None:
        raise UrlRefused("The URL's host is an address of one network interface.")
    return str(address)
