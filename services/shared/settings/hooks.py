"""What looks at texts, speech and uploads."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from services.shared.settings.section import Listed, Section


class HookSettings(Section):
    """Plugins, the content filter, and the scanner of uploads."""

    TITLE = "hooks"

    #: Installed text hooks, in the order in which each text goes through them before it is queued; comma separated.
    text_hooks: Listed = ()
    #: Installed audio hooks, in the order in which speech goes through them before it is encoded; streams then begin
    #: when all of it is spoken. Comma separated.
    audio_hooks: Listed = ()
    #: What the text hook `content-filter` refuses: a file of UTF-8 text, a word or phrase a line.
    content_filter_path: Path | None = None
    #: ClamAV's daemon, host:port: looks at every upload, of which none is taken while it is away. Unset: nobody looks.
    clamd_address: tuple[str, int] | None = None
    #: How long it may take to answer.
    clamd_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    @field_validator("clamd_address", mode="before")
    @classmethod
    def _split_address(cls, value: Any) -> Any:
        return _parse_address(value) if isinstance(value, str) else value


def _parse_address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not (host and port) or parts.netloc != text:
        raise ValueError("expected host:port, such as clamd:3310 or [::1]:3310")
    return host, port
