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
    """Signs with each of its secrets, so that receivers may know any of them."""

    def __init__(self, *secrets: str) -> None:
        """In the form of `WEBHOOK_SECRET`. Raises `ValueError`."""
        self._keys = [signing_key(secret) for secret in secrets]

    def headers(self, message_id: str, body: bytes, now: float) -> dict[str, str]:
        """What goes along with `body`. The moment is signed too, so that receivers can refuse old messages."""
        timestamp = str(int(now))
        signed = b".".join((message_id.encode(), timestamp.encode(), body))
        digests = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in self._keys]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
        }
