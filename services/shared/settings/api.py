"""How the API listens, and what it takes."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from f5_tts_core import limits
from services.shared.api_key import ANONYMOUS
from services.shared.settings.section import Listed, Section

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"https?://[^/\s?#@*]+")


class ApiSettings(Section):
    """What the API listens to and takes, and how long it waits."""

    TITLE = "API"

    #: Address to listen on; one that others can reach needs callers who say who they are.
    api_host: str = "127.0.0.1"
    #: Port to listen on; `timbre up` takes another when 8000 is taken and none is named here.
    api_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    #: `name=sha256-of-the-key` pairs, comma separated; `timbre keys new NAME` prints one. The store may hold more keys.
    api_keys: dict[str, str] = Field(default_factory=dict, repr=False)
    #: Ask every caller for a key or token, also where API_KEYS names none: `timbre keys create` puts keys in the store.
    require_auth: bool = False
    #: Serve without API keys on an address that others can reach.
    allow_anonymous: bool = False
    #: Origins whose pages may call the API, comma separated; none by default.
    cors_origins: Listed = ()
    #: Whether `POST /tts` answers the job or, where nothing else is asked for, waits for the audio.
    default_mode: Literal["async", "sync"] = "async"
    #: The longest that a request may wait for its audio.
    max_wait_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    #: How long an `Idempotency-Key` answers the job that it made.
    idempotency_seconds: Annotated[int, Field(gt=0)] = 86_400
    #: The longest that `POST /runsync` waits.
    runsync_seconds: Annotated[float, Field(gt=0, le=600)] = 300.0
    #: The largest reference that is accepted.
    max_upload_bytes: Annotated[int, Field(gt=0)] = limits.MAX_UPLOAD_BYTES
    #: The largest that is accepted as a direct upload (`POST /uploads`), which goes past the API to the object store.
    max_direct_upload_bytes: Annotated[int, Field(gt=0)] = 100 * 1024 * 1024
    #: Direct uploads of one owner that may wait to be used.
    max_direct_uploads: Annotated[int, Field(ge=0, le=1_000)] = 100
    #: The longest text that is spoken in one go, and that somebody may wait for.
    max_text_characters: Annotated[int, Field(gt=0)] = limits.MAX_TEXT_CHARACTERS
    #: The longest text that `POST /tts` takes: longer ones than MAX_TEXT_CHARACTERS become long jobs.
    max_long_text_characters: Annotated[int, Field(gt=0, le=1_000_000)] = limits.MAX_LONG_TEXT_CHARACTERS
    #: Texts that one batch may hold.
    max_batch_items: Annotated[int, Field(ge=1, le=5_000)] = 1_000
    #: Characters that all texts of one batch may have together.
    max_batch_characters: Annotated[int, Field(ge=1)] = 1_000_000
    #: The longest text that is accepted at `/tts/live` in one session.
    max_live_characters: Annotated[int, Field(gt=0)] = 100_000
    #: How long such a session waits for its client to go on, once all that came is spoken.
    live_idle_seconds: Annotated[float, Field(gt=0)] = 60.0
    #: The longest that such a session lasts.
    live_session_seconds: Annotated[float, Field(gt=0)] = 3_600.0
    #: Voices that one owner may store.
    max_voices: Annotated[int, Field(ge=0)] = 1_000

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        return _parse_api_keys(value) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        for position, (name, digest) in enumerate(keys.items(), 1):
            if not _KEY_NAME.fullmatch(name):
                raise ValueError(f"entry {position}: expected a name of letters, digits, '.', '_', '-'")
            if not _SHA256.fullmatch(digest):
                raise ValueError(
                    f"entry {position} is not a SHA-256 in 64 lower-case hex digits; keys are never stored in the "
                    "clear: expected name=sha256-of-the-key, as `timbre keys new NAME` prints it"
                )
        if len(set(keys.values())) != len(keys):
            raise ValueError("two names share one key; expected a key of its own for every name")
        if ANONYMOUS in keys:
            raise ValueError("the name 'anonymous' is kept for callers without a key")
        return keys

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("expected origins such as https://app.example.com, comma separated; no '*', no path")
        return origins


def _parse_api_keys(text: str) -> dict[str, str]:
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    pairs = [(name.strip(), digest.strip()) for name, _, digest in (entry.partition("=") for entry in entries)]
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("one name is there twice; expected every name once")
    return dict(pairs)
