"""Uploads accepted a second by `POST /tts`, against a route that does nothing but store them."""

import random
from contextlib import ExitStack
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

    def __init__(self, name: str, client: Client, form: Form) -> None:
        self.name = name
        self.rates: list[float] = []
        self.latencies: list[float] = []
        self._client = client
        self._form = form

    def warm_up(self) -> None:
        self._send(2 * _CLIENTS)

    def measure(self, count: int) -> None:
        took, latencies = self._send(count)
        self.rates.append(count / took)
        self.latencies += latencies

    def _send(self, count: int) -> tuple[float, list[float]]:
        load = closed_loop(self._client.post, [self._form] * count, clients=_CLIENTS, at_once=_CLIENTS)
        return load.seconds, load.latencies


def measure(stack: Stack, options: Options) -> PartResult:
    order = random.Random(options.seed)  # noqa: S311 - an order is no secret
    form = Form.make()
    with ExitStack() as opened:
        deployment = stack.deployment()
        servers = {"POST /tts": deployment.api(), "bare route": deployment.bare()}
        takers = []
        for name, server in servers.items():
            client = Client(opened.enter_context(server), _CLIENTS)
            opened.callback(client.close)
            takers.append(Taker(name, client, form))
        for taker in takers:
            taker.warm_up()
        for _ in options.each_round():
            for taker in order.sample(takers, len(takers)):
                taker.measure(options.count(_UPLOADS, quick=16))
    return report(takers, len(form.body))


def report(takers: list[Taker], upload_bytes: int) -> PartResult:
    """Of ours and of the bare one, in this order."""
    ours, bare = (Spread.of(taker.rates).median for taker in takers)
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
    note = f"{_CLIENTS} clients, {upload_bytes / 1000:.0f} kB a request, in turns; no worker runs."
    data = {
        "clients": _CLIENTS,
        "upload_bytes": upload_bytes,
        "servers": {taker.name: {"uploads_a_second": taker.rates, "latencies": taker.latencies} for taker in takers},
    }
    bar = Bar("uploads a second, against the bare route", ours / bare, 0.5, "×", at_least=True)
    return PartResult([Table("Taking uploads in", columns, rows, note)], data, bar)


def a_second(rate: float) -> str:
    return f"{rate:.1f}/s"
