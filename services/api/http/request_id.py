"""The id that ties a request to its log lines and to the answer that its client holds."""

import re
import secrets

import structlog

HEADER = "X-Request-ID"

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def choose_request_id(sent: str | None) -> str:
    """The client's own id where it is short and plain enough for a log line, else a new one."""
    if sent is not None and _SANE.fullmatch(sent):
        return sent
    return secrets.token_hex(16)


def bound_request_id() -> str | None:
    """Of the request that is served right now."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return None if bound is None else str(bound)
