"""W3C's `traceparent`: version, trace, span and flags, with dashes between them."""


def trace_id(traceparent: str | None) -> str | None:
    """The trace's part, by which logs and traces find each other."""
    return traceparent.split("-")[1] if traceparent else None
