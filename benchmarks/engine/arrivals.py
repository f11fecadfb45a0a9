"""Requests that come by chance, at 80 % of what the engine can serve: how much longer the slowest take than most.

All at once by continuous batching, against one at a time in the order of their arrival, which have the same arrivals.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from benchmarks.engine.load import closed_loop, open_loop, poisson_arrivals
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, Size
from benchmarks.engine.peers import OurPeer
from benchmarks.engine.spread import percentile
from benchmarks.engine.tables import Table, seconds, times
from benchmarks.engine.throughput import NFE_STEP
from benchmarks.engine.utterances import Utterance, Workload, workload

_SHARE_OF_CAPACITY: Final = 0.8
_WORKLOADS: Final[tuple[Workload, ...]] = ("short", "mixed")
#: Requests served at once.
_SLOTS: Final = {"continuous batching": 16, "first in, first out": 1}
_REQUESTS: Final = 60
#: Clients, and requests, by which capacity is found.
_CLIENTS: Final = 8


def measure(options: Options) -> PartResult:
    size: Size = options.size or ("base" if options.device == "cuda" else "tiny")
    manifest = random_model(options.scratch, size, options.seed)
    nfe_step = 2 if options.quick else NFE_STEP[options.device]
    with closing(OurPeer(manifest, options.device, options.precisions[0])) as ours:
        cells = [
            cell
            for name in _WORKLOADS
            for cell in _cells(ours, name, workload(name, size, nfe_step, options.seed), options)
        ]
    return PartResult([_table(size, nfe_step, cells)], {"size": size, "nfe_step": nfe_step, "cells": cells})


def _cells(ours: OurPeer, name: Workload, texts: Sequence[Utterance], options: Options) -> list[dict[str, Any]]:
    count = 8 if options.quick else _REQUESTS
    requests = [texts[index % len(texts)] for index in range(count)]
    closed_loop(ours.speak, requests[:_CLIENTS], clients=_CLIENTS, at_once=_CLIENTS)  # each shape once, unmeasured
    capacity = closed_loop(ours.speak, requests[: 3 * _CLIENTS], clients=_CLIENTS, at_once=_CLIENTS)
    rate = _SHARE_OF_CAPACITY * len(capacity.latencies) / capacity.seconds
    arrivals = poisson_arrivals(count, rate, options.seed)
    return [
        {
            "workload": name,
            "mode": mode,
            "requests_a_second": rate,
            "latencies": open_loop(ours.speak, requests, arrivals=arrivals, at_once=slots).latencies,
        }
        for mode, slots in _SLOTS.items()
    ]


def _table(size: Size, nfe_step: int, cells: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for cell in cells:
        middle, worst = (percentile(cell["latencies"], share) for share in (50, 99))
        figures = (f"{cell['requests_a_second']:.2f}", seconds(middle), seconds(worst), times(worst / middle))
        rows.append((f"{cell['workload']}, {cell['mode']}", *figures))
    title = f"Requests that come by chance at {_SHARE_OF_CAPACITY:.0%} of capacity, {size} size, NFE {nfe_step}"
    note = "Capacity is what continuous batching serves 8 clients. Mixed texts differ fourfold in length by themselves."
    return Table(title, ("texts, mode", "requests a second", "P50", "P99", "P99 / P50"), rows, note)
