"""Which models requests may name, and how large a share each gets of those that name none."""

import math
import re
from collections.abc import Mapping
from typing import Final

#: OpenAI's own names, which stand for no model of ours.
OPENAI_NAMES: Final = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
#: What ElevenLabs' own names begin with.
ELEVENLABS_PREFIX: Final = "eleven_"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_shares(text: str) -> dict[str, float]:
    """Weights by name, of `name=weight` pairs. Raises `ValueError`."""
    entries = [entry.partition("=") for entry in text.split(",") if entry.strip()]
    shares = {name.strip(): _weight(number, weight) for number, (name, _, weight) in enumerate(entries, 1)}
    if len(shares) != len(entries):
        raise ValueError("one name is there twice; expected every name once")
    return shares


def check_shares(shares: Mapping[str, float]) -> None:
    """Raises `ValueError`."""
    for number, name in enumerate(shares, 1):
        check_name(name, f"entry {number}: ")
    if not all(0 <= weight < math.inf for weight in shares.values()):
        raise ValueError("expected weights of 0 (only by name) and more")
    if shares and not any(shares.values()):
        raise ValueError("every weight is 0, and no model is left for requests that name none; expected one above 0")


def check_name(name: str, entry: str = "") -> None:
    """Raises `ValueError`."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{entry}expected a name of at most 64 letters, digits, '.', '_', '-'")
    if name in OPENAI_NAMES or name.startswith(ELEVENLABS_PREFIX):
        raise ValueError(f"{entry}this is OpenAI's or ElevenLabs' own name, which stands for any model")


def _weight(number: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"entry {number}: expected name=weight, as base=9,candidate=1") from None
