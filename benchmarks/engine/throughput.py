"""Many requests at once: speech a second, and how long each waits. Ours together, ours in turn, upstream."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from benchmarks.engine import tables
from benchmarks.engine.load import Load, closed_loop, requests_for
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, PartUnavailable, Size
from benchmarks.engine.peer_process import open_peers
from benchmarks.engine.peers import OurPeer, Peer
from benchmarks.engine.spread import Spread, percentile
from benchmarks.engine.tables import Table, seconds, times
from benchmarks.engine.upstream_peer import UpstreamPeer
from benchmarks.engine.utterances import WORKLOADS, Utterance, Workload, workload

CONCURRENCIES: Final = (1, 2, 4, 8, 16)
#: Who serves one at a time makes as much a second whatever waits: its queue is measured at these alone.
_IN_TURN: Final = (1, 16)
NFE_STEP: Final = {"cpu": 4, "cuda": 7}


@dataclass(frozen=True)
class Mode:
    """How a peer is driven. `at_once` None lets all clients in."""

    name: str
    peer: Peer
    at_once: int | None


@dataclass(frozen=True)
class Case:
    """One cell of the tables."""

    workload: Workload
    mode: Mode
    clients: int


def measure(options: Options) -> PartResult:
    size = options.size or ("base" if options.device == "cuda" else "tiny")
    manifest = random_model(options.scratch, size, options.seed)
    result = PartResult()
    with ExitStack() as stack:
        making = partial(OurPeer, manifest, options.device, options.precisions[0])
        (ours,) = open_peers(stack, [making], options.device)
        modes = [Mode("continuous batching", ours, None), Mode("one at a time", ours, 1)]
        try:
            shipped = partial(UpstreamPeer, manifest, options.device, options.shipped_precision)
            (upstream,) = open_peers(stack, [shipped], options.device)
            modes.append(Mode("upstream", upstream, 1))
        except PartUnavailable as missing:
            result.data["upstream_missing"] = str(missing)
        cells = _interleaved(modes, size, options)
    result.data |= {"size": size, "nfe_step": _nfe_step(options), "cells": cells}
    result.tables += [_table(name, size, cells, options) for name in WORKLOADS]
    return result


def _nfe_step(options: Options) -> int:
    return 2 if options.quick else NFE_STEP[options.device]


def _cases(modes: Sequence[Mode], options: Options) -> list[Case]:
    return [
        Case(name, mode, count)
        for name in WORKLOADS
        for mode in modes
        for count in CONCURRENCIES
        if (count <= 4 or not options.quick) and (mode.at_once is None or count in _IN_TURN or options.device == "cuda")
    ]


def _interleaved(modes: Sequence[Mode], size: Size, options: Options) -> list[dict[str, Any]]:
    cases = _cases(modes, options)
    texts = {name: workload(name, size, _nfe_step(options), options.seed) for name in WORKLOADS}
    cells: dict[Case, list[dict[str, Any]]] = {case: [] for case in cases}
    if not options.quick:
        for case in cases:
            if case.clients == max(CONCURRENCIES):
                _run(case, texts[case.workload], options)  # each shape once, unmeasured
    order = random.Random(options.seed)  # noqa: S311 - an order is no secret
    for _ in range(options.rounds):
        for case in order.sample(cases, len(cases)):
            cells[case].append(_run(case, texts[case.workload], options))
    return [
        {"workload": case.workload, "mode": case.mode.name, "clients": case.clients, "runs": runs}
        for case, runs in cells.items()
    ]


def _run(case: Case, texts: Sequence[Utterance], options: Options) -> dict[str, Any]:
    count = requests_for(case.clients, len(texts), quick=options.quick)
    requests = [texts[index % len(texts)] for index in range(count)]
    peer = case.mode.peer
    before = replace(peer.stats)
    load = closed_loop(peer.speak, requests, clients=case.clients, at_once=case.mode.at_once or case.clients)
    run = _figures(load, requests)
    after = peer.stats
    if after.forwards > before.forwards:
        run["occupancy"] = (after.rows - before.rows) / (after.forwards - before.forwards)
    return run


def _figures(load: Load, requests: Sequence[Utterance]) -> dict[str, Any]:
    speech = sum(request.speech_seconds for request in requests)
    return {"speech_seconds_a_second": speech / load.seconds, "seconds": load.seconds, "latencies": load.latencies}


def _table(name: Workload, size: Size, cells: Sequence[dict[str, Any]], options: Options) -> Table:
    rows = []
    for cell in cells:
        if cell["workload"] != name:
            continue
        speed = Spread.of([run["speech_seconds_a_second"] for run in cell["runs"]])
        latencies = [latency for run in cell["runs"] for latency in run["latencies"]]
        middle, worst = percentile(latencies, 50), percentile(latencies, 99)
        occupancy = [run["occupancy"] for run in cell["runs"] if "occupancy" in run]
        extremes = tables.spread(speed, times)
        full = f"{percentile(occupancy, 50):.2f}" if occupancy else "-"
        rows.append((cell["mode"], str(cell["clients"]), extremes, seconds(middle), seconds(worst), full))
    title = f"Throughput of {name} texts, {size} size, NFE {_nfe_step(options)}"
    columns = ("mode", "clients", "real time", "P50", "P99", "rows a forward")
    return Table(
        title, columns, rows, "Speech made a second of the clock. P50 and P99 over the requests of all rounds."
    )
