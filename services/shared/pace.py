"""How fast jobs are done: what is counted, and how averages forget."""

from typing import Final

from services.shared.job import JobInput

#: The share of the latest job in the averages: about ten jobs are remembered.
LATEST_SHARE: Final = 0.2
#: Of text, spoken without haste.
_BYTES_A_SECOND: Final = 15.0


def workload(asked: JobInput) -> float:
    """What the seconds of a job grow with, roughly: bytes of text (as long in any script as it sounds), by steps."""
    return _text_bytes(asked) * asked.nfe_step / asked.speed


def speech_seconds(asked: JobInput) -> float:
    """How long the speech of a job will be, roughly: nobody has heard its voice's own pace yet."""
    return _text_bytes(asked) / _BYTES_A_SECOND / asked.speed


def _text_bytes(asked: JobInput) -> int:
    return asked.long.bytes if asked.long else len(asked.text.encode())
