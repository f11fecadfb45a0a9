"""How a client asks to wait for its audio: the `mode` field, else the `Prefer` header (RFC 7240)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Mode = Literal["async", "sync"]


@dataclass(frozen=True)
class Wait:
    """Seconds to wait, 0 for none, and what `Preference-Applied` says, if anything."""

    seconds: float
    applied: str | None = None


NO_WAIT: Final = Wait(0)


def parse_prefer(headers: Iterable[str]) -> dict[str, str]:
    """Preferences by lower-case name; the first of a name counts, and parameters are left out."""
    preferences: dict[str, str] = {}
    for item in ",".join(headers).split(","):
        name, _, value = item.partition(";")[0].partition("=")
        if name.strip():
            preferences.setdefault(name.strip().lower(), value.strip().strip('"'))
    return preferences


def choose_wait(mode: Mode | None, prefer: Iterable[str], *, default: Mode, max_seconds: float) -> Wait:
    """A field says it plainly, so it wins over the header; a header wins over the setting."""
    preferences = parse_prefer(prefer)
    if mode == "async":
        return NO_WAIT
    asked = preferences.get("wait", "")
    if asked.isdecimal():
        seconds = min(float(asked[:9]), max_seconds)
        return Wait(seconds, f"wait={seconds:g}")
    if mode is None and "respond-async" in preferences:
        return Wait(0, "respond-async")
    return Wait(max_seconds if (mode or default) == "sync" else 0)
