"""Clients that send requests: each its next when its last is answered, or all at times of their own. Free of torch."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from threading import BoundedSemaphore
from time import perf_counter, sleep
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


def open_loop(serve: Callable[[T], object], requests: Sequence[T], *, arrivals: Sequence[float], at_once: int) -> Load:
    """Send each request at its time in `arrivals` (seconds from now), whatever became of those before.

    No more than `at_once` are served at a time, in order. A latency counts from the arrival.
    """
    started = perf_counter()

    def answer(request: T, arrival: float) -> float:
        serve(request)
        return perf_counter() - started - arrival

    with ThreadPoolExecutor(at_once) as pool:
        answers = []
        for request, arrival in zip(requests, arrivals, strict=True):
            sleep(max(0.0, started + arrival - perf_counter()))
            answers.append(pool.submit(answer, request, arrival))
        latencies = [one.result() for one in answers]
    return Load(perf_counter() - started, latencies)


def poisson_arrivals(count: int, rate: float, seed: int) -> list[float]:
    """Times of `count` requests that come by chance, `rate` a second on average."""
    drawn = Random(seed)  # noqa: S311 - a benchmark's arrivals are no secret
    times, now = [], 0.0
    for _ in range(count):
        now += drawn.expovariate(rate)
        times.append(now)
    return times


def requests_for(clients: int, variety: int, *, quick: bool) -> int:
    """How many requests a measurement sends: one a client at least, and every kind equally often."""
    if quick:
        return max(2, clients)
    return -(-clients // variety) * variety
