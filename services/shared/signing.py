"""Standard Webhooks' symmetric signature (https://www.standardwebhooks.com): who sent it, and that it is whole."""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

PREFIX: Final = "whsec_"
_MIN_KEY_BYTES: Final = 24
_MAX_KEY_BYTES: Final = 64


def signing_key(secret: str) -> bytes:
    """The key that a secret stands for. Raises `ValueError` in words for the operator."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ValueError(f"expected {PREFIX} and {_MIN_KEY_BYTES} to {_MAX_KEY_BYTES} bytes in base64")
    return key


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


class Signer:
    """Signs with one secret, as `WEBHOOK_SECRET` holds it."""

    def __init__(self, secret: str) -> None:
        self._key = signing_key(secret)

    def headers(self, message_id: str, body: bytes, now: float) -> dict[str, str]:
        """What goes along with `body`. The moment is signed too, so that receivers can refuse old messages."""
        timestamp = str(int(now))
        digest = hmac.digest(self._key, b".".join((message_id.encode(), timestamp.encode(), body)), hashlib.sha256)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
