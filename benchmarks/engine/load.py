"""Clients that each send their next request when their last is answered. Free of torch."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Load:
    """What came of it: seconds from the first request to the last answer, and of each request."""

    seconds: float
    latencies: list[float]


def closed_loop(serve: Callable[[T], object], requests: Sequence[T], *, clients: int, at_once: int) -> Load:
    """Have `clients` threads send all requests in order, no more than `at_once` of them served at a time.

    Raises what `serve` raises.
    """
    turns = BoundedSemaphore(at_once)

    def send(request: T) -> float:
        sent = perf_counter()
        with turns:
            serve(request)
        return perf_counter() - sent

    started = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        latencies = list(pool.map(send, requests))
    return Load(perf_counter() - started, latencies)


def requests_for(clients: int, variety: int, *, quick: bool) -> int:
    """How many requests a measurement sends: two a client, and every kind equally often."""
    if quick:
        return max(2, clients)
    return -(-2 * clients // variety) * variety
