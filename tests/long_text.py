"""A text of many chunks, no two of whose sentences are the same."""

from collections.abc import Sequence

_WORDS = ["morning", "river", "garden", "window", "letter", "winter", "music", "market", "bridge", "summer"]
#: Each of about 70 characters.
SENTENCES = [
    f"The {_WORDS[n % 10]} near the {_WORDS[n // 10]} was quiet, and {_WORDS[n * 7 % 10]} came to house {n}."
    for n in range(24)
]
TEXT = " ".join(SENTENCES)
EDITED = TEXT.replace("house 12", "the next house")


def changed(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What has to be spoken anew."""
    return [chunk for chunk in after if chunk not in before]
