"""`/batches`: many texts at once. To everybody but its owner a batch does not exist."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from services.api import documentation
from services.api.callers.auth import Caller
from services.api.callers.ownership import own_batch
from services.api.forms.batch import BatchDocument, SentBatch, batch_form_schema, read_batch
from services.api.http.answers import json_answer
from services.api.http.bodies import request_body
from services.api.http.ids import RecordId
from services.api.http.listing import PageCursor, PageLimit, forbid_keeping, refusing_cursors
from services.api.jobs.idempotency import REPLAYED_HEADER, IdempotencyKey
from services.api.jobs.speaking import admit, check_webhook, choose_reference, discard_upload, given_voices
from services.api.listening.streamed import Streamed
from services.api.state import ApiState, State
from services.api.views.batch import BatchList, BatchResults, BatchView, batch_result, batch_view
from services.shared.batch import Batch
from services.shared.priority import Priority

router = APIRouter(prefix="/batches", tags=["batches"], dependencies=[Depends(forbid_keeping)])

JSON_LINES: Final = "application/jsonl"
_problems = partial(
    documentation.problems,
    examples={
        404: ("batch-not-found", "No such batch", "You have no batch of this id.", None),
        409: ("job-state-conflict", "The job's state does not allow this", "All jobs of the batch have ended.", None),
        413: ("payload-too-large", "The request is too large", "The batch has more than 1000 items.", "items"),
        422: (
            "batch-items-invalid",
            "Items of the batch are not valid",
            "2 items are not valid, so no job was made of any.",
            "items",
        ),
    },
    instance="/batches",
)
_SUBMITTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "The batch, all of its jobs queued. `Location` is where to ask for it."},
    **_problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503),
}
BATCH_BODY: Final = request_body(BatchDocument, form=batch_form_schema())
_RESULTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}, "description": "A page, or all as JSON lines."},
    **_problems(401, 404, 422, 500, 503),
}


@router.post(
    "",
    status_code=202,
    response_model=BatchView,
    responses=_SUBMITTED,
    openapi_extra=BATCH_BODY,
    summary="Speak many texts",
)
async def submit_batch(
    request: Request, caller: Caller, state: State, idempotency_key: IdempotencyKey = None
) -> Response:
    """Speak many texts, each as a job of its own, in one voice or each in a stored one.

    Send JSON, or a form with the items as a file of JSON lines, which may bring a recording along for all of them.
    All items are checked before any is taken: where one is wrong, none becomes a job, and `errors` tells of each by
    its line. How to speak and `voice_id` are for all items what they are in `POST /tts`; an item that names its own
    goes by that. `webhook_url` is told of each job's end, `batch_webhook_url` once of the last.
    """
    batch, replayed = await make_batch_once(request, state, caller, idempotency_key)
    view = batch_view(batch, request.scope.get("root_path", ""))
    headers = {"Location": view.urls.self, "Cache-Control": "no-store"}
    if replayed:
        headers[REPLAYED_HEADER] = "true"
    # The batch is safe by now; sending its jobs takes longer than its client need wait.
    sending = BackgroundTask(state.batcher.send, batch)
    return json_answer(view, 202, headers, background=sending)


@router.get("", response_model=BatchList, responses=_problems(401, 422, 500, 503), summary="List batches")
def list_batches(
    request: Request, caller: Caller, state: State, limit: PageLimit = 20, cursor: PageCursor = None
) -> BatchList:
    """Your batches, newest first."""
    with refusing_cursors():
        page = state.parts.batches.page(caller, limit=limit, cursor=cursor)
    return BatchList(batches=_views(request, state, page.batches), next_cursor=page.next_cursor)


@router.get(
    "/{batch_id}", response_model=BatchView, responses=_problems(401, 404, 422, 500, 503), summary="Read a batch"
)
def read_batch_state(request: Request, batch_id: RecordId, caller: Caller, state: State) -> BatchView:
    """A batch, and how many of its jobs stand where."""
    return _view(request, state, own_batch(state, caller, batch_id))


@router.get(
    "/{batch_id}/results", response_model=BatchResults, responses=_RESULTS, summary="What became of a batch's items"
)
def read_results(
    *,
    batch_id: RecordId,
    caller: Caller,
    state: State,
    form: Annotated[
        Literal["json", "jsonl"], Query(alias="format", description="`jsonl` answers all items, one a line.")
    ] = "json",
    limit: PageLimit = 20,
    cursor: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,9}$", description="`next_cursor` of the page before.")
    ] = None,
) -> Any:
    """Each item's job, in the order in which they were given, at any time: what is not made yet is `queued`."""
    batch = own_batch(state, caller, batch_id)
    if form == "jsonl":
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{batch.id}.jsonl"'}
        return Streamed(_manifest(state, batch), 200, headers, JSON_LINES)
    start = int(cursor or 0)
    results = [batch_result(entry, state.parts) for entry in state.parts.batches.entries(batch.id, start, limit)]
    end = start + limit
    return BatchResults(results=results, next_cursor=str(end) if end < batch.total else None)


@router.post(
    "/{batch_id}/cancel",
    response_model=BatchView,
    responses={**_problems(401, 404, 409, 422, 500, 503), 202: {"model": BatchView, "description": "Asked to stop."}},
    summary="Cancel a batch",
)
def cancel_batch(request: Request, response: Response, batch_id: RecordId, caller: Caller, state: State) -> BatchView:
    """Cancels its queued jobs at once, and asks those that are being spoken to stop; what is made stays.

    Answers 200 where all have ended then, else 202.
    """
    batch = state.batcher.cancel(own_batch(state, caller, batch_id))
    response.status_code = 200 if batch.is_over else 202
    return _view(request, state, batch)


@router.delete(
    "/{batch_id}", status_code=204, responses=_problems(401, 404, 422, 500, 503), summary="Delete a batch and its jobs"
)
def delete_batch(batch_id: RecordId, caller: Caller, state: State) -> None:
    """The batch, its jobs, its recording and all audio are gone for good; jobs that are being spoken stop.

    Where it has so many jobs that one request cannot delete them all, the answer is 503: ask again.
    """
    state.batcher.delete(own_batch(state, caller, batch_id))


async def make_batch_once(
    request: Request, state: ApiState, caller: str, idempotency_key: str | None
) -> tuple[Batch, bool]:
    """The batch that was sent, and whether it was made before. Raises what each of its steps raises."""
    with await read_batch(request, state.parts.settings) as sent:
        submit_once = partial(_make_batch, request, state, caller, sent)
        return await state.idempotency.once(
            caller, idempotency_key, sent.fingerprint, submit_once, state.parts.batches.get
        )


async def _make_batch(request: Request, state: ApiState, caller: str, sent: SentBatch, batch_id: str) -> Batch:
    """All of what was sent as jobs, or none. Raises what each of its steps raises."""
    fields = state.models.settle(sent.fields)
    terms = await admit(request, state, fields, Priority.BULK)
    for field in ("webhook_url", "batch_webhook_url"):
        await check_webhook(state, field, getattr(fields, field))
    reference = None
    if given_voices(fields, sent.form) or fields.ref_text is not None:
        reference = await choose_reference(state, caller, fields, sent.form)
    drawn_from = state.models if sent.fields.model is None else None
    plan = partial(state.batcher.plan, caller, fields, sent.lines, reference, drawn_from=drawn_from)
    planned = await anyio.to_thread.run_sync(plan, limiter=state.check_slots)
    webhook_url = fields.batch_webhook_url
    submit = partial(state.batcher.submit, caller, planned, batch_id, terms, webhook_url=webhook_url)
    batch = await run_in_threadpool(state.overload.guard, submit)
    await discard_upload(state, caller, fields.upload_id)
    return batch


def _manifest(state: ApiState, batch: Batch) -> Iterator[str]:
    return (f"{batch_result(entry, state.parts).model_dump_json()}\n" for entry in state.batcher.entries(batch))


def _view(request: Request, state: ApiState, batch: Batch) -> BatchView:
    return _views(request, state, [batch])[0]


def _views(request: Request, state: ApiState, batches: Sequence[Batch]) -> list[BatchView]:
    deliveries = state.parts.webhooks.find([batch for batch in batches if batch.webhook_url])
    root_path = request.scope.get("root_path", "")
    return [batch_view(batch, root_path, deliveries.get(batch.id)) for batch in batches]
