"""Answering a job's speech while it is spoken."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

import anyio
import numpy as np
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from f5_tts_core.audio.streaming import StreamEncoder
from f5_tts_core.formats import FORMATS
from services.api.errors import NotInTime
from services.api.forms.speech import SpeechForm
from services.api.jobs.cancellation import abandon
from services.api.jobs.speaking import answer_audio, submit
from services.api.listening.hearing import hear
from services.api.listening.streamed import UNBUFFERED, KeyRevoked, Streamed
from services.api.state import ApiState
from services.api.uploads.spool import Upload
from services.shared.job import Job
from services.shared.voice import Voice

_FULL_SCALE: Final = np.float32(2**15 - 1)

#: Called when the client has left before it had everything.
OnLeave = Callable[[], Awaitable[None]]


async def speak_aloud(
    request: Request, state: ApiState, caller: str, fields: SpeechForm, reference: Upload | Voice
) -> Response:
    """A request as a job, answered with its speech. Raises what `submit` and `answer_own_speech` raise."""
    return await answer_own_speech(request, state, await submit(request, state, caller, fields.as_stream(), reference))


async def answer_own_speech(request: Request, state: ApiState, job: Job) -> Response:
    """As `answer_speech`, for the client that the job is for: one that leaves, or has to wait too long, stops it.

    Raises `NotInTime` too.
    """

    async def stop() -> None:
        await run_in_threadpool(abandon, state.parts, job)

    try:
        return await answer_speech(request, state, job, stop)
    except (NotInTime, ClientDisconnect):
        await stop()
        raise


async def answer_speech(request: Request, state: ApiState, job: Job, on_leave: OnLeave | None = None) -> Response:
    """The job's speech from its beginning, as it is made; of a job that has ended, its audio as it is stored.

    What goes wrong before the first byte is raised: `JobFailed`, `AudioNotReady`, `JobNotFound`, `Unavailable`,
    `ClientDisconnect`, and `NotInTime` where nothing is heard within the longest wait. Afterwards the answer
    breaks off.
    """
    headers = {"X-Job-Id": job.id, **UNBUFFERED}
    speech = hear(state.parts, job)
    try:
        first = await first_samples(speech, state.parts.settings.max_wait_seconds, request)
    except BaseException:
        await speech.aclose()
        raise
    if not first:
        return await answer_audio(state, await run_in_threadpool(state.parts.jobs.get, job.id), headers)
    body = encoded(first, speech, StreamEncoder(job.input.encoding))
    return SpeechStream(body, headers, FORMATS[job.input.format].content_type, on_leave)


class SpeechStream(Streamed):
    """Audio that is encoded while it is sent."""

    def __init__(
        self, body: AsyncGenerator[bytes, None], headers: dict[str, str], media_type: str, on_leave: OnLeave | None
    ) -> None:
        super().__init__(body, 200, headers, media_type)
        self._on_leave = on_leave
        self._was_sent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `AnswerCut`. Being stopped ourselves is no client's leaving: its job goes on."""
        try:
            await super().__call__(scope, receive, send)
        except (ClientDisconnect, KeyRevoked):
            await self._leave()
            raise
        if not self._was_sent:
            await self._leave()

    async def stream_response(self, send: Send) -> None:
        async def pass_on(message: Message) -> None:
            # Noted before it leaves: who has all of it may be gone before we come to note anything.
            self._was_sent = message["type"] == "http.response.body" and not message["more_body"]
            await send(message)

        await super().stream_response(pass_on)

    async def _leave(self) -> None:
        if self._on_leave is not None:
            await self._on_leave()


async def first_samples(speech: AsyncGenerator[bytes, None], seconds: float, request: Request | None = None) -> bytes:
    """The first samples; none of them where the job ended without any that can still be heard.

    Raises `NotInTime`, and `ClientDisconnect` where nobody waits any more.
    """
    deadline = anyio.current_time() + seconds
    async for samples in speech:
        if samples:
            return samples
        if request is not None and await request.is_disconnected():
            raise ClientDisconnect
        if anyio.current_time() >= deadline:
            raise NotInTime(f"Nothing was heard within {seconds:g} seconds. POST /tts queues longer work.")
    return b""


async def encoded(
    first: bytes, speech: AsyncGenerator[bytes, None], encoder: StreamEncoder
) -> AsyncGenerator[bytes, None]:
    """All of the speech as bytes of the format, made off the event loop."""
    async with aclosing(speech):
        yield await run_in_threadpool(encode_samples, encoder, first)
        async for samples in speech:
            if coded := await run_in_threadpool(encode_samples, encoder, samples):
                yield coded
    yield await run_in_threadpool(encoder.finish)


def encode_samples(encoder: StreamEncoder, samples: bytes) -> bytes:
    """16-bit samples, as workers send them. Blocking."""
    return encoder.add(np.frombuffer(samples, "<i2").astype(np.float32) / _FULL_SCALE) if samples else b""
