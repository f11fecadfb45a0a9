"""Where the server is, and the key that opens it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from timbre_client.errors import ConfigurationError

URL_VARIABLE = "TIMBRE_URL"
KEY_VARIABLE = "TIMBRE_API_KEY"
#: Where `timbre up` serves, unless the port was taken.
USUAL_URL = "http://127.0.0.1:8000"

_KEY = re.compile(r"[ -~]+")


@dataclass(frozen=True)
class Address:
    url: httpx.URL
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def find(cls, url: str | None, api_key: str | None, environ: Mapping[str, str] | None = None) -> "Address":
        """What is given, else what the environment says. Raises `ConfigurationError`, which tells no key."""
        environ = os.environ if environ is None else environ
        key = (environ.get(KEY_VARIABLE) if api_key is None else api_key) or ""
        if key.strip() and not _KEY.fullmatch(key.strip()):
            raise ConfigurationError("The API key holds characters that no key has.")
        return cls(_parse(url or environ.get(URL_VARIABLE) or USUAL_URL), key.strip() or None)

    def headers(self) -> dict[str, str]:
        return {} if self.api_key is None else {"Authorization": f"Bearer {self.api_key}"}

    def join(self, path: str) -> httpx.URL:
        """`path` on the server, also where that stands under a path of its own."""
        return self.url.copy_with(raw_path=self.url.raw_path.partition(b"?")[0].rstrip(b"/") + path.encode())

    def __str__(self) -> str:
        return shown(self.url)


def shown(url: httpx.URL) -> str:
    """Without passwords and signatures."""
    return str(url.copy_with(userinfo=b"", query=None)).rstrip("/")


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{url!r} is no URL ({error}).") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError(f"{url!r} is no URL of a server: it begins with http:// or https://.")
    return parsed
