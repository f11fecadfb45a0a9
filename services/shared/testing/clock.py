"""Time that tests own."""

#: Where every `ManualClock` starts: a round moment in 2027.
START = 1_800_000_000.0


class ManualClock:
    """A clock that stands still until told otherwise."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        self.now += seconds
        return self.now
