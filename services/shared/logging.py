"""JSON lines on standard output, from our code and from libraries alike.

Bind `request_id` and `job_id` with `structlog.contextvars.bound_contextvars`; every line in that context has them.
What users send and what opens doors does not get through: see `hide_private`.
"""

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from services.shared.settings import Settings

#: Never logged, at any level.
_SECRETS = frozenset({"password", "authorization", "api_key", "api_keys", "x-api-key", "secret", "secret_key", "token"})
#: What users send: for debugging only.
_PRIVATE = frozenset({"text", "ref_text", "transcript", "audio", "reference", "filename", "input"})
_HIDDEN = "[hidden]"

_URL_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
_URL_SIGNATURE = re.compile(r"(?<=X-Amz-Signature=)\w+")

#: Libraries that bring handlers of their own, or say at info what only their developers want to know.
_ADOPTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task", "celery.redirected")
_HUSHED = ("urllib3", "kombu", "amqp", "httpx", "httpcore", "asyncio")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every logger of this process to `stream`, one JSON object a line. May be called again."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared = _shared_processors()
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter(shared))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _ADOPTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _HUSHED:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide_private(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace the values of secrets at every level, and of users' texts and audio at all but debug."""
    hidden = _SECRETS if method == "debug" else _SECRETS | _PRIVATE
    for name, value in event.items():
        event[name] = _hide(name, value, hidden)
    return event


def hide_url_credentials(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take passwords and signatures out of URLs, wherever they stand in a message or traceback."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _URL_SIGNATURE.sub(_HIDDEN, _URL_CREDENTIALS.sub("", value))
    return event


def _hide(name: str, value: object, hidden: frozenset[str]) -> object:
    if name.lower() in hidden:
        return _HIDDEN
    if isinstance(value, dict):
        return {key: _hide(str(key), item, hidden) for key, item in value.items()}
    return value


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        hide_private,
    ]


def _formatter(shared: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            hide_url_credentials,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )
