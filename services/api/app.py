"""The composition root of the API process."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from services.api import documentation, problems
from services.api.callers.allowances import HEADER as RATE_LIMIT_HEADER
from services.api.callers.allowances import POLICY_HEADER as RATE_LIMIT_POLICY_HEADER
from services.api.callers.authenticator import Authenticator
from services.api.callers.open_streams import OpenStreams
from services.api.forms.speech import FORM_BYTES, text_bytes
from services.api.http.access import AccessLog
from services.api.http.limits import BodyLimit
from services.api.http.request_id import HEADER as REQUEST_ID_HEADER
from services.api.http.tracing import request_spans
from services.api.jobs.batching import Batcher
from services.api.jobs.checks import InputChecks
from services.api.jobs.estimates import Estimator
from services.api.jobs.idempotency import HEADER as IDEMPOTENCY_HEADER
from services.api.jobs.idempotency import REPLAYED_HEADER, Idempotency
from services.api.jobs.models import Models
from services.api.jobs.overload import Overload
from services.api.jobs.submission import Submitter
from services.api.routes import (
    batches,
    elevenlabs,
    events,
    generations,
    health,
    jobs,
    keys,
    live,
    openai,
    runpod,
    sockets,
    streams,
    tts,
    uploads,
    voices,
    webhook_secret,
    webhooks,
)
from services.api.routes import problems as problem_types
from services.api.state import ApiState
from services.api.uploads.direct import DirectUploads
from services.api.uploads.remote import Remote
from services.api.uploads.screening import Screening
from services.api.version import VERSION
from services.api.voices.library import VoiceLibrary
from services.shared.parts import Parts

#: Uploads decoded at once, each in its own thread; more wait.
CHECK_SLOTS = min(4, os.cpu_count() or 1)
#: References fetched at once, and as many webhooks' hosts looked up.
REMOTE_SLOTS = 32
#: Uploads that the virus scanner looks at once: fewer than clamd has threads for.
SCAN_SLOTS = 8
#: Seconds between two pieces of a body after which its client is given up.
STALL_SECONDS = 30.0
CANCEL_WAIT_SECONDS = 1.0
#: Proxies cut lines that are silent for long, the strictest after half a minute.
QUIET_SECONDS = 15.0
RECHECK_SECONDS = 5.0

#: Our own routes in the order of the documentation, those in other services' manner, and what is about the service.
_ROUTES = (
    *(tts, live, batches, jobs, streams, events, sockets, webhooks, webhook_secret, voices, uploads, keys),
    *(openai, elevenlabs, runpod, generations),
    *(health, problem_types),
)
_ACCEPTED_HEADERS = (
    "Authorization",
    "Content-Type",
    "X-API-Key",
    "xi-api-key",
    "Prefer",
    IDEMPOTENCY_HEADER,
    "Last-Event-ID",
    REQUEST_ID_HEADER,
)
_EXPOSED_HEADERS = (
    REQUEST_ID_HEADER,
    "X-Job-Id",
    "Location",
    "Content-Location",
    "Preference-Applied",
    REPLAYED_HEADER,
    "Retry-After",
    RATE_LIMIT_HEADER,
    RATE_LIMIT_POLICY_HEADER,
    "WWW-Authenticate",
)


def create_app(
    parts: Parts,
    *,
    stall_seconds: float = STALL_SECONDS,
    cancel_wait_seconds: float = CANCEL_WAIT_SECONDS,
    quiet_seconds: float = QUIET_SECONDS,
    recheck_seconds: float = RECHECK_SECONDS,
    chance: Random | None = None,
) -> FastAPI:
    """The API on these parts, which it closes when it stops. `chance` draws models for requests that name none."""
    app = FastAPI(
        title="Timbre",
        version=VERSION,
        description=documentation.OVERVIEW,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=documentation.operation_id,
        lifespan=_lifespan,
        telemetry=request_spans(parts.tracer),
        middleware=_middleware(parts, stall_seconds),
    )
    app.state.api = _state(parts, Models(parts.settings, chance), cancel_wait_seconds, quiet_seconds, recheck_seconds)
    for routes in _ROUTES:
        app.include_router(routes.router)
    # RunPod's own clients put an endpoint's id before the route.
    app.include_router(runpod.router, prefix="/v2/{endpoint_id}", include_in_schema=False)
    app.webhooks.include_router(webhooks.sent)
    problems.install(app)
    documentation.install(app)
    return app


def _state(
    parts: Parts, models: Models, cancel_wait_seconds: float, quiet_seconds: float, recheck_seconds: float
) -> ApiState:
    checks = InputChecks(parts.settings, models)
    submitter, library, estimator = Submitter(parts, models), VoiceLibrary(parts, checks), Estimator(parts)
    return ApiState(
        parts=parts,
        authenticator=Authenticator(parts, recheck_seconds),
        models=models,
        checks=checks,
        submitter=submitter,
        batcher=Batcher(parts, checks, submitter, library),
        library=library,
        estimator=estimator,
        overload=Overload(parts, estimator),
        idempotency=Idempotency(parts),
        check_slots=CapacityLimiter(CHECK_SLOTS),
        screening=Screening(parts.scanner, CapacityLimiter(SCAN_SLOTS)),
        direct=DirectUploads(parts),
        remote=Remote(parts),
        fetch_slots=CapacityLimiter(REMOTE_SLOTS),
        lookup_slots=CapacityLimiter(REMOTE_SLOTS),
        cancel_wait_seconds=cancel_wait_seconds,
        quiet_seconds=quiet_seconds,
        open_streams=OpenStreams(),
        started_at=time.monotonic(),
        created=parts.clock(),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: ApiState = app.state.api
    try:
        yield
    finally:
        await state.parts.events.close()
        await run_in_threadpool(state.parts.close)


def _middleware(parts: Parts, stall_seconds: float) -> list[Middleware]:
    """Outermost first. CORS is, so that browsers may read the answers to requests that failed."""
    settings = parts.settings
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "PATCH", "DELETE"),
        allow_headers=_ACCEPTED_HEADERS,
        expose_headers=_EXPOSED_HEADERS,
    )
    limit = Middleware(
        BodyLimit, max_bytes=settings.max_upload_bytes + FORM_BYTES + text_bytes(settings), stall_seconds=stall_seconds
    )
    return [*([cors] if settings.cors_origins else []), Middleware(AccessLog, parts.meter, parts.tracer), limit]
