"""What is done to the parts of a stack, by chance: killed as by `kill -9`, or stopped for a while, as if they hung."""

import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from benchmarks.chaos.stack import Embedded

PARTS: Final = ("valkey", "seaweedfs", "control", "worker", "api")
#: Seconds between two deeds, and for which a process hangs: some outlast a lease, and a client's patience.
_PAUSE: Final = (1.0, 6.0)
_HANG: Final = (0.5, 14.0)
#: A supervisor gives up on what dies more often in a minute.
DEATHS_A_MINUTE: Final = 4


@dataclass(frozen=True)
class Deed:
    part: str
    #: Seconds that it hangs; 0: it is killed.
    hangs: float

    @property
    def name(self) -> str:
        return f"{self.part} hung" if self.hangs else f"{self.part} killed"


class Strikes:
    """Which deed comes next."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._deaths: dict[str, deque[float]] = {part: deque(maxlen=DEATHS_A_MINUTE) for part in PARTS}

    def pause(self) -> float:
        return self._chance.uniform(*_PAUSE)

    def next(self, now: float) -> Deed:
        part = self._chance.choice(PARTS)
        deaths = self._deaths[part]
        if self._chance.random() < 1 / 3 or (len(deaths) == deaths.maxlen and now - deaths[0] < 60):
            return Deed(part, self._chance.uniform(*_HANG))
        deaths.append(now)
        return Deed(part, 0.0)


def strike(stack: Embedded, seed: int, seconds: float) -> Counter[str]:
    """One deed after the other, and how many there were of each. A part that is just being started is left alone."""
    strikes, done = Strikes(seed), Counter[str]()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(strikes.pause())
        deed = strikes.next(time.monotonic())
        if _do(stack, deed):
            done[deed.name] += 1
    return done


def _do(stack: Embedded, deed: Deed) -> bool:
    found = stack.process(deed.part)
    process = found.find() if found else None
    if process is None:
        return False
    with suppress(psutil.NoSuchProcess):  # it went by itself
        if not deed.hangs:
            process.kill()
            return True
        process.suspend()
        time.sleep(deed.hangs)
        process.resume()
    return True


def rows(done: Counter[str]) -> Iterator[tuple[str, ...]]:
    for part in PARTS:
        yield part, str(done[f"{part} killed"]), str(done[f"{part} hung"])
