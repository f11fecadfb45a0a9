"""`/jobs`: reading, stopping and deleting what one caller submitted. To everybody else a job does not exist."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import Caller
from services.api.callers.ownership import own_job
from services.api.documentation import problems
from services.api.http.ids import RecordId
from services.api.http.listing import PageCursor, PageLimit, forbid_keeping, refusing_cursors
from services.api.jobs.cancellation import cancel, erase
from services.api.jobs.estimates import Standing
from services.api.jobs.speaking import no_audio
from services.api.listening.waiting import wait_for_end
from services.api.state import ApiState, State
from services.api.views.job import JobList, JobView, job_view
from services.shared.errors import TransitionRefused
from services.shared.job import Job, JobStatus
from services.shared.links import result_url
from services.shared.webhook import Delivery

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[Depends(forbid_keeping)])


@router.get("", response_model=JobList, responses=problems(401, 422, 500, 503), summary="List jobs")
def list_jobs(
    *,
    request: Request,
    caller: Caller,
    state: State,
    limit: PageLimit = 20,
    cursor: PageCursor = None,
    status: Annotated[JobStatus | None, Query(description="Only jobs in this state.")] = None,
) -> JobList:
    """Your jobs, newest first."""
    with refusing_cursors():
        page = state.parts.jobs.page(caller, limit=limit, cursor=cursor, status=status)
    deliveries, standings = _deliveries(state, page.jobs), state.estimator.standings(page.jobs)
    views = [_view(request, state, job, deliveries, at) for job, at in zip(page.jobs, standings, strict=True)]
    return JobList(jobs=views, next_cursor=page.next_cursor)


@router.get("/{job_id}", response_model=JobView, responses=problems(401, 404, 422, 500, 503), summary="Read a job")
def read_job(request: Request, job_id: RecordId, caller: Caller, state: State) -> JobView:
    """A job as it is now, with a freshly signed `result_url` once there is audio."""
    return _full_view(request, state, own_job(state, caller, job_id))


@router.delete(
    "/{job_id}", status_code=204, responses=problems(401, 404, 422, 500, 503), summary="Delete a job and its audio"
)
async def delete_job(job_id: RecordId, caller: Caller, state: State) -> None:
    """Record, reference and audio are gone for good. A job that is being spoken is canceled first."""
    job = await run_in_threadpool(own_job, state, caller, job_id)
    if job.status is JobStatus.PROCESSING:
        await _stop(state, job)
    await run_in_threadpool(erase, state.parts, job)


@router.post(
    "/{job_id}/cancel",
    response_model=JobView,
    responses={**problems(401, 404, 409, 422, 500, 503), 202: {"model": JobView, "description": "Asked to stop."}},
    summary="Cancel a job",
)
def cancel_job(request: Request, response: Response, job_id: RecordId, caller: Caller, state: State) -> JobView:
    """A queued job is canceled at once (200); one that is being spoken is asked to stop (202)."""
    job = cancel(state.parts, own_job(state, caller, job_id))
    response.status_code = 200 if job.status.is_terminal else 202
    return _full_view(request, state, job)


@router.get(
    "/{job_id}/audio",
    status_code=302,
    response_class=RedirectResponse,
    responses=problems(401, 404, 409, 410, 422, 500, 503),
    summary="Fetch a job's audio",
)
def fetch_audio(job_id: RecordId, caller: Caller, state: State) -> RedirectResponse:
    """Redirects to the audio's signed URL. Past the output's `expires_at` there is none: 410."""
    job = own_job(state, caller, job_id)
    url = result_url(job, state.parts)
    if url is None:
        raise no_audio(state, job)
    return RedirectResponse(url, 302, {"Cache-Control": "no-store"})


async def _stop(state: ApiState, job: Job) -> None:
    """Let the worker stop by itself for a moment. One that does not loses its lease with the record."""
    # Ended meanwhile: all the better.
    with suppress(TransitionRefused):
        job = await run_in_threadpool(cancel, state.parts, job)
        await wait_for_end(state.parts, job, state.cancel_wait_seconds)


def _deliveries(state: ApiState, jobs: Sequence[Job]) -> Mapping[str, Delivery]:
    return state.parts.webhooks.find([job for job in jobs if job.webhook_url])


def _full_view(request: Request, state: ApiState, job: Job) -> JobView:
    return _view(request, state, job, _deliveries(state, [job]), state.estimator.standing(job))


def _view(
    request: Request, state: ApiState, job: Job, deliveries: Mapping[str, Delivery], standing: Standing
) -> JobView:
    root = request.scope.get("root_path", "")
    return job_view(job, state.parts, root, deliveries.get(job.id), standing)
