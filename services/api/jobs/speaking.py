"""What every route that speaks has in common: a checked request becomes a job, and a finished job its audio."""

from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from typing import cast

import anyio.to_thread
from fastapi import Request, Response
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import HTTPConnection

from f5_tts_core.formats import FORMATS
from services.api.callers.auth import identity_of
from services.api.callers.metering import admit_job
from services.api.errors import ApiError, AudioExpired, AudioNotReady, InvalidField, JobFailed
from services.api.forms.speech import (
    JSON_VOICE_SOURCES,
    VOICE_ID,
    VOICE_SOURCES,
    SharedFields,
    SpeechForm,
    choose_source,
)
from services.api.jobs.estimates import Standing
from services.api.jobs.terms import Terms, agree
from services.api.listening.streamed import Streamed
from services.api.state import ApiState
from services.api.uploads.multipart import Form
from services.api.uploads.spool import Upload
from services.api.views.output import moment
from services.api.voices.casting import cast_voices, is_dialogue
from services.api.voices.named_voices import require_voice
from services.shared.errors import BlobNotFound
from services.shared.job import Job, JobOutput, new_id
from services.shared.lifetimes import audio_expires_at, has_audio
from services.shared.line import Place
from services.shared.priority import Priority
from services.shared.voice import Voice

#: The audio that such a route answers, for its `responses`.
AUDIO_CONTENT = {one.content_type: {"schema": {"type": "string", "format": "binary"}} for one in FORMATS.values()}


async def submit(
    connection: HTTPConnection, state: ApiState, caller: str, fields: SpeechForm, reference: Upload | Voice
) -> Job:
    """A request whose voice is at hand. Raises what `Models.settle`, `admit` and `_submit` raise."""
    fields = state.models.settle(fields)
    terms = await admit(connection, state, fields, fields.usual_priority(Priority.DEFAULT))
    job_id = new_id(state.parts.clock())
    return await _submit(connection, state, caller, fields, reference, job_id=job_id, terms=terms)


async def admit(connection: HTTPConnection, state: ApiState, fields: SharedFields, usual: Priority) -> Terms:
    """Before any work is put into a request: on which terms it is taken in.

    Raises what `agree`, `admit_job` and `Overload.check` raise.
    """
    identity = identity_of(connection)
    terms = agree(identity, fields, usual)
    await admit_job(connection, state.parts, identity)
    if not state.overload.is_calm:
        await run_in_threadpool(state.overload.check, identity.owner)
    return terms


async def take_in(
    request: Request,
    state: ApiState,
    caller: str,
    fields: SpeechForm,
    form: Form,
    *,
    job_id: str,
    usual: Priority = Priority.DEFAULT,
) -> Job:
    """A whole request, wherever its voice comes from, as the job `job_id`. Raises what each of its steps raises.

    `usual` is how urgent a request is that does not say so, unless by what it asks for.
    """
    fields = state.models.settle(fields)
    terms = await admit(request, state, fields, fields.usual_priority(usual))
    await check_webhook(state, "webhook_url", fields.webhook_url)
    given = given_voices(fields, form)
    if is_dialogue(fields, given):
        narrator = await choose_reference(state, caller, fields, form) if given else None
        job = await _submit_dialogue(request, state, caller, fields, narrator, job_id=job_id, terms=terms)
    else:
        reference = await choose_reference(state, caller, fields, form)
        job = await _submit(request, state, caller, fields, reference, job_id=job_id, terms=terms)
    await discard_upload(state, caller, fields.upload_id)
    return job


async def _submit(
    connection: HTTPConnection,
    state: ApiState,
    caller: str,
    fields: SpeechForm,
    reference: Upload | Voice,
    *,
    job_id: str,
    terms: Terms,
) -> Job:
    """Raises what `InputChecks.check` and `_queue` raise."""
    checked = await anyio.to_thread.run_sync(state.checks.check, caller, fields, reference, limiter=state.check_slots)
    return await _queue(connection, state, partial(state.submitter.submit, caller, checked, reference, job_id, terms))


async def _submit_dialogue(
    connection: HTTPConnection,
    state: ApiState,
    caller: str,
    fields: SpeechForm,
    narrator: Upload | Voice | None,
    *,
    job_id: str,
    terms: Terms,
) -> Job:
    """As `_submit`, of a text with marks. Raises what `cast_voices` raises too."""
    casting = partial(cast_voices, state.checks, state.library, caller, fields, narrator)
    checked, cast = await anyio.to_thread.run_sync(casting, limiter=state.check_slots)
    reference = narrator or next(iter(cast.values()))
    submit_cast = partial(state.submitter.submit, caller, checked, reference, job_id, terms, cast=cast)
    return await _queue(connection, state, submit_cast)


async def _queue(
    connection: HTTPConnection, state: ApiState, submit_checked: Callable[[], tuple[Job, Place | None]]
) -> Job:
    """The connection then knows the job, and where it stands.

    Raises what `Submitter.submit` and `Overload.guard` raise.
    """

    def submit_and_ask() -> tuple[Job, Standing]:
        job, place = state.overload.guard(submit_checked)
        return job, state.estimator.standing_at(job, place)

    job, standing = await run_in_threadpool(submit_and_ask)
    connection.state.job_id, connection.state.standing = job.id, standing
    return job


async def check_webhook(state: ApiState, field: str, url: str | None) -> None:
    """Raises `FieldRefused`, `WebhooksOff`."""
    if url is not None:
        await anyio.to_thread.run_sync(state.remote.check_webhook, url, field, limiter=state.lookup_slots)


def given_voices(fields: SharedFields, form: Form) -> set[str]:
    """By which names a request says whose voice it is to be."""
    return {name for name in VOICE_SOURCES if name in form.files or getattr(fields, name, None) is not None}


async def choose_reference(state: ApiState, caller: str, fields: SharedFields, form: Form) -> Upload | Voice:
    """What was sent along or ahead, what lies under the URL, or the voice that was named.

    Raises `InvalidField`, `FieldRefused`, `Unavailable`.
    """
    source = choose_source(given_voices(fields, form), VOICE_SOURCES if form.was_sent else JSON_VOICE_SOURCES)
    if fields.voice_id is not None:
        if fields.ref_text is not None:
            detail = "`ref_text` and `voice_id` are both given: a voice that is named has its own."
            raise InvalidField(detail, field=VOICE_ID, accepted="`voice` and `ref_text`, or `voice_id` alone")
        return await run_in_threadpool(require_voice, state.library, caller, fields.voice_id, VOICE_ID)
    # The form closes what is fetched like any other.
    if fields.upload_id is not None:
        form.files[source] = await fetch_upload(state, caller, fields.upload_id)
    if fields.voice_url is not None:
        form.files[source] = await anyio.to_thread.run_sync(
            state.remote.fetch_voice, fields.voice_url, limiter=state.fetch_slots
        )
    await state.screening.check({source: form.files[source]})
    return form.files[source]


async def fetch_upload(state: ApiState, caller: str, upload_id: str) -> Upload:
    """What the client stored itself, which is its receiver's to close. Raises as `DirectUploads.fetch` does."""
    return await anyio.to_thread.run_sync(state.direct.fetch, caller, upload_id, limiter=state.fetch_slots)


async def discard_upload(state: ApiState, caller: str, upload_id: str | None) -> None:
    """It was used, if there was one."""
    if upload_id is not None:
        await run_in_threadpool(state.direct.discard, caller, upload_id)


async def answer_audio(state: ApiState, job: Job, headers: Mapping[str, str]) -> Response:
    """An ended job's audio. Raises what `stored_audio` raises."""
    audio = await stored_audio(state, job)
    sized = {**headers, "Content-Length": str(require_output(job).bytes)}
    return Streamed(audio, 200, sized, FORMATS[job.input.format].content_type)


async def stored_audio(state: ApiState, job: Job) -> AsyncGenerator[bytes, None]:
    """What an ended job made, from a connection to the store, which closing it gives back.

    Raises `JobFailed`, `AudioNotReady`, `AudioExpired`, `Unavailable`.
    """
    output = require_output(job)
    if not has_audio(job, state.parts.settings, state.parts.clock()):
        raise no_audio(state, job)
    try:
        pieces = iterate_in_threadpool(await run_in_threadpool(state.parts.blobs.stream, output.key))
    except BlobNotFound:
        raise no_audio(state, job) from None
    return cast("AsyncGenerator[bytes, None]", pieces)


def require_output(job: Job) -> JobOutput:
    """What an ended job made. Raises `JobFailed`, `AudioNotReady`."""
    if job.fault is not None:
        raise JobFailed(job.id, job.fault)
    if job.output is None:
        raise AudioNotReady(f"The job was {job.status} while you waited.")
    return job.output


def no_audio(state: ApiState, job: Job) -> ApiError:
    """Why there is none to fetch."""
    expires_at = audio_expires_at(job, state.parts.settings)
    if expires_at is None:
        return AudioNotReady(f"The job is {job.status}; there is audio once it is succeeded.")
    return AudioExpired(f"It was kept until {moment(expires_at):%Y-%m-%dT%H:%M:%SZ}. Submit the request again.")
