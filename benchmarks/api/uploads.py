"""Uploads accepted a second by `POST /tts`, against a route that does nothing but store them."""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from typing import Final

from benchmarks.api.parts import Bar, Options, PartResult
from benchmarks.api.stack import Stack
from benchmarks.api.wire import Client, Form
from benchmarks.engine.load import closed_loop
from benchmarks.engine.spread import Spread, percentile
from benchmarks.engine.tables import Table, seconds, spread

_CLIENTS: Final = 8
_UPLOADS: Final = 80


class Taker:
    """A server that takes uploads in, and how fast it did in each round."""

    def __init__(self, name: str, client: Client, forms: Callable[[int], Sequence[Form]]) -> None:
        """`forms` gives so many requests."""
        self.name = name
        self.rates: list[float] = []
        self.latencies: list[float] = []
        self._client = client
        self._forms = forms

    def warm_up(self) -> None:
        self._send(2 * _CLIENTS)

    def measure(self, count: int) -> None:
        took, latencies = self._send(count)
        self.rates.append(count / took)
        self.latencies += latencies

    def _send(self, uploads: int) -> tuple[float, list[float]]:
        load = closed_loop(self._client.post, self._forms(uploads), clients=_CLIENTS, at_once=_CLIENTS)
        return load.seconds, load.latencies


def measure(stack: Stack, options: Options) -> PartResult:
    order = random.Random(options.seed)  # noqa: S311 - an order is no secret
    form, numbers = Form.make(), count(1)

    def again(uploads: int) -> Sequence[Form]:
        return [form] * uploads

    def new(uploads: int) -> Sequence[Form]:
        return [Form.make(next(numbers)) for _ in range(uploads)]

    with ExitStack() as opened:
        deployment = stack.deployment()
        ours, bare = (_client(opened, server) for server in (deployment.api(), deployment.bare()))
        takers = [
            Taker("POST /tts", ours, again),
            Taker("bare route", bare, again),
            Taker("POST /tts, each a new recording", ours, new),
        ]
        for taker in takers:
            taker.warm_up()
        for _ in options.each_round():
            for taker in order.sample(takers, len(takers)):
                taker.measure(options.count(_UPLOADS, quick=16))
    return report(takers, len(form.body))


def _client(opened: ExitStack, server: AbstractContextManager[str]) -> Client:
    client = Client(opened.enter_context(server), _CLIENTS)
    opened.callback(client.close)
    return client


def report(takers: list[Taker], upload_bytes: int) -> PartResult:
    """Of ours, of the bare one, and of ours with what it never saw, in this order."""
    ours, bare, new = (Spread.of(taker.rates).median for taker in takers)
    rows = [
        (
            taker.name,
            str(len(taker.latencies)),
            spread(Spread.of(taker.rates), a_second),
            seconds(percentile(taker.latencies, 50)),
            seconds(percentile(taker.latencies, 95)),
        )
        for taker in takers
    ]
    columns = ("server", "uploads", "accepted", "P50", "P95")
    note = (
        f"{_CLIENTS} clients, {upload_bytes / 1000:.0f} kB a request, in turns; no worker runs. A recording that is "
        f"sent again is not judged again; each a new one, it is {new / bare:.2f} times the bare route."
    )
    data = {
        "clients": _CLIENTS,
        "upload_bytes": upload_bytes,
        "servers": {taker.name: {"uploads_a_second": taker.rates, "latencies": taker.latencies} for taker in takers},
    }
    bar = Bar("uploads a second, against the bare route", ours / bare, 0.5, "×", at_least=True)
    return PartResult([Table("Taking uploads in", columns, rows, note)], data, bar)


def a_second(rate: float) -> str:
    return f"{rate:.1f}/s"
