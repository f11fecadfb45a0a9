"""Names on a command line, out of those that there are."""

import argparse
from collections.abc import Callable, Collection


def among(known: Collection[str]) -> Callable[[str], list[str]]:
    """What reads `one,another`, for argparse's `type`."""

    def read(value: str) -> list[str]:
        wanted = value.split(",")
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return wanted

    return read
