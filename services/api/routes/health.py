"""Whether the service lives, can be used, and what it runs on."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Security
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import authenticate
from services.api.documentation import problems
from services.api.errors import NotReady
from services.api.state import State
from services.api.version import VERSION
from services.api.views.health import DetailedHealth, Health, PartHealth, Readiness, Version, worker_view
from services.shared.errors import Unavailable
from services.shared.parts import Parts
from services.shared.ports import WorkerBeat
from services.shared.scopes import STATUS
from services.shared.settings import Settings

router = APIRouter(tags=["health"])

Answer = TypeVar("Answer")


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    return Health(status="ok")


@router.get("/readyz", responses=problems(500, 503), summary="Do all parts answer?")
async def readyz(state: State) -> Readiness:
    """503 names the parts that do not answer."""
    parts = await _probe(_pings(state.parts))
    away = [part.name for part in parts if not part.ok]
    if away:
        raise NotReady(f"No answer from: {', '.join(away)}.", [part.model_dump() for part in parts])
    return Readiness(status="ready", parts=parts)


@router.get(
    "/health/detailed",
    dependencies=[Security(authenticate, scopes=[STATUS])],
    responses=problems(401, 500),
    summary="What runs where, and how busy it is",
)
async def detailed(state: State) -> DetailedHealth:
    """Always 200: what is wrong is in the body."""
    parts, workers, depth, counts = await asyncio.gather(
        _probe(_pings(state.parts) | _scanner_ping(state.parts)),
        _ask(state.parts.workers.ready),
        _ask(lambda: state.parts.queue.depth(state.parts.line.lanes())),
        _ask(state.parts.jobs.counts),
    )
    first = workers[0].info if workers else {}
    return DetailedHealth(
        status=_verdict(parts, workers, state.parts.settings),
        version=VERSION,
        uptime_s=round(time.monotonic() - state.started_at, 3),
        model=first.get("model"),
        device=first.get("device"),
        workers=None if workers is None else [worker_view(beat) for beat in workers],
        queue_depth=depth,
        jobs=counts,
        parts=parts,
    )


@router.get("/version", summary="Which version is this?")
async def version() -> Version:
    return Version(name="timbre", version=VERSION)


@router.get(
    "/config",
    dependencies=[Security(authenticate, scopes=[STATUS])],
    responses=problems(401, 500),
    summary="Settings, without secrets",
)
async def config(state: State) -> dict[str, Any]:
    return state.parts.settings.public_view()


def _pings(parts: Parts) -> dict[str, Callable[[], None]]:
    """Of what nothing goes without."""
    return {"job_store": parts.jobs.ping, "object_store": parts.blobs.ping, "queue": parts.queue.ping}


def _scanner_ping(parts: Parts) -> dict[str, Callable[[], None]]:
    """Without it no upload is taken, and everything else goes on: no reason to send requests elsewhere."""
    return {} if parts.scanner is None else {"scanner": parts.scanner.ping}


async def _probe(pings: Mapping[str, Callable[[], None]]) -> list[PartHealth]:
    return list(await asyncio.gather(*(run_in_threadpool(_ping, name, ping) for name, ping in pings.items())))


def _ping(name: str, ping: Callable[[], None]) -> PartHealth:
    started = time.perf_counter()
    error = None
    try:
        ping()
    except Unavailable as unavailable:
        error = unavailable.title
    latency_ms = round((time.perf_counter() - started) * 1000, 1)
    return PartHealth(name=name, ok=error is None, latency_ms=latency_ms, error=error)


async def _ask(question: Callable[[], Answer]) -> Answer | None:
    """None where the part that knows is away: a health page that fails tells nothing."""
    try:
        return await run_in_threadpool(question)
    except Unavailable:
        return None


def _verdict(parts: list[PartHealth], workers: Sequence[WorkerBeat] | None, settings: Settings) -> str:
    if not all(part.ok for part in parts):
        return "down"
    models: Iterable[str | None] = settings.models or (None,)
    served = all(any(beat.serves(model) for beat in workers or ()) for model in models)
    return "ok" if served else "degraded"
