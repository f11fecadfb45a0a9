"""Days of 24 hours, UTC: what limits a day are counted by."""

SECONDS = 86_400


def day_of(now: float) -> int:
    """Days since the epoch."""
    return int(now // SECONDS)


def seconds_left(now: float) -> float:
    """Until the day of `now` is over."""
    return SECONDS - now % SECONDS
