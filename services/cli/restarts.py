"""When a part that died is started again, and when to stop trying."""

from collections import deque
from dataclasses import dataclass, field

#: Deaths within the window that end the patience: of a part that has never been ready, and of one that has.
NEWBORN_DEATHS = 3
PROVEN_DEATHS = 6
WINDOW_SECONDS = 60.0
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 8.0


@dataclass
class RestartPolicy:
    """Backs off from 0.25 s, doubling with each death in the last minute."""

    proven: bool = False
    _deaths: deque[float] = field(default_factory=deque)

    def delay_after_death(self, now: float) -> float | None:
        """Seconds to wait before the next start; None: give up."""
        self._deaths.append(now)
        while self._deaths[0] <= now - WINDOW_SECONDS:
            self._deaths.popleft()
        if len(self._deaths) >= (PROVEN_DEATHS if self.proven else NEWBORN_DEATHS):
            return None
        return float(min(FIRST_DELAY_SECONDS * 2 ** (len(self._deaths) - 1), LONGEST_DELAY_SECONDS))
