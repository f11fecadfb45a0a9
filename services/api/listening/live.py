"""Speaking a text while it is written: a job for each utterance, heard in the text's order."""

import asyncio
from contextlib import aclosing
from typing import Any

from fastapi import WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.types import Message

from f5_tts_core import limits
from f5_tts_core.audio.streaming import StreamEncoder
from f5_tts_core.errors import TooLongText
from services.api.errors import FieldRefused, InvalidField, SessionIdle, SessionOver
from services.api.forms.speech import VOICE_ID
from services.api.jobs.cancellation import abandon
from services.api.jobs.speaking import submit
from services.api.listening.hearing import hear
from services.api.listening.live_schemas import LiveStart, read_text
from services.api.listening.manuscript import LONGEST, Manuscript, Utterance
from services.api.listening.playing import send_audio, started, why_cut
from services.api.listening.racing import first_of
from services.api.listening.sockets import problem_event, receive
from services.api.listening.streamed import SpeechCut
from services.api.listening.streaming import encode_samples, first_samples
from services.api.state import ApiState
from services.api.voices.named_voices import require_voice
from services.api.voices.sample_voice import SAMPLE_VOICE, NamedReference
from services.shared.job import Job
from services.shared.voice import Voice

#: A job on its way into the queue, and what it speaks.
Submission = tuple[Utterance, "asyncio.Task[Job]"]


class LiveSession:
    """One client's. While an utterance is heard, the next one is spoken already, and no other.

    What its client does not take waits in the jobs' own channels, which are bounded.
    """

    def __init__(self, websocket: WebSocket, state: ApiState, caller: str, start: LiveStart) -> None:
        """Raises `InvalidField`, and `FieldRefused` for a model that is not there."""
        self._websocket = websocket
        self._state = state
        self._settings = state.parts.settings
        self._caller = caller
        self._start = state.models.settle(start)
        self._voice = start.voice_id
        self._encoding = start.form("").encoding()
        self._encoder = StreamEncoder(self._encoding)
        self._manuscript = Manuscript(min(LONGEST, self._settings.max_text_characters))
        self._written = asyncio.Event()
        #: Jobs that were not heard to their end; and those that were, in order.
        self._unheard: list[asyncio.Task[Job]] = []
        self._heard: list[str] = []
        self._samples = 0
        self._asked_at: float | None = None
        self._first_audio: float | None = None

    async def run(self) -> None:
        """From the first word to the last. Whatever ends it, no job is left that nobody hears.

        Raises `LanguageNotSpoken`, `SessionIdle`, `SessionOver`, `WebSocketDisconnect`, and what keeps a text from
        being spoken.
        """
        seconds = self._settings.live_session_seconds
        self._state.checks.check_language(self._start)
        await run_in_threadpool(self._settle_voice)
        await self._websocket.send_json(started(self._encoding))
        try:
            async with asyncio.timeout(seconds):
                await first_of(self._read(), self._speak())
        except TimeoutError as error:
            raise SessionOver(f"A session lasts {seconds:g} seconds at most. Open another one.") from error
        finally:
            await self._abandon()

    # --- the text -------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            said = read_text(await self._receive())
            if said.text and self._manuscript.is_complete:
                raise InvalidField("`text`: the text was ended before.", field="text", accepted="no more text")
            self._manuscript.add(said.text)
            self._require_room()
            if said.end:
                self._manuscript.complete()
            elif said.flush:
                self._manuscript.flush()
            self._written.set()

    async def _receive(self) -> Message:
        seconds = self._settings.live_idle_seconds
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await receive(self._websocket)
            except TimeoutError as error:
                if not (self._unheard or self._manuscript.is_complete):
                    raise self._idle(seconds) from error

    def _idle(self, seconds: float) -> SessionIdle:
        if self._manuscript.waits_for_more:
            detail = (
                f"No message came for {seconds:g} seconds, and what came last is no whole sentence: it was not spoken."
            )
            return SessionIdle(detail, accepted='more text, {"flush": true} or {"end": true}')
        return SessionIdle(f"No message came for {seconds:g} seconds, and all was spoken.")

    def _require_room(self) -> None:
        most = self._settings.max_live_characters
        if self._manuscript.characters > most:
            raise FieldRefused("text", TooLongText(f"A session's text has {most} characters at most."))

    # --- the speech -----------------------------------------------------------------------------

    async def _speak(self) -> None:
        following = asyncio.ensure_future(self._next())
        try:
            while (current := await following) is not None:
                following = asyncio.ensure_future(self._next())
                await self._play(*current)
        finally:
            following.cancel()
        await send_audio(self._websocket, await run_in_threadpool(self._encoder.finish))
        await self._tell_done()
        await self._websocket.close()

    async def _next(self) -> Submission | None:
        """The next utterance once there is one, on its way into the queue; None where there will be none."""
        while (utterance := self._manuscript.next()) is None:
            if self._manuscript.is_over:
                return None
            self._written.clear()
            await self._written.wait()
        # A task of its own: who leaves meanwhile still learns which job is to be stopped.
        submission = asyncio.ensure_future(self._submit(utterance))
        self._unheard.append(submission)
        return utterance, submission

    async def _submit(self, utterance: Utterance) -> Job:
        if self._asked_at is None:
            self._asked_at = self._state.parts.clock()
        # Asked of the store for each text: in a voice that was deleted meanwhile nothing more is said.
        reference = await run_in_threadpool(self._find_voice)
        fields = self._start.form(utterance.text)
        return await submit(self._websocket, self._state, self._caller, fields, reference)

    def _settle_voice(self) -> None:
        """A name means one voice all the time, whatever is called so later. Raises `FieldRefused`. Blocking."""
        found = self._find_voice(by_name=True)
        self._voice = found.id if isinstance(found, Voice) else SAMPLE_VOICE

    def _find_voice(self, *, by_name: bool = False) -> NamedReference:
        """Raises `FieldRefused`. Blocking."""
        return require_voice(self._state.library, self._caller, self._voice, VOICE_ID, by_name=by_name)

    async def _play(self, utterance: Utterance, submission: "asyncio.Task[Job]") -> None:
        try:
            job = await asyncio.shield(submission)
        except FieldRefused as error:
            if error.field != "text":
                raise
            # What cannot be said, such as a letter that the model does not know, is no reason to say no more.
            await self._websocket.send_json(problem_event(self._websocket, error, **_place(utterance)))
        else:
            await self._hear(utterance, job)
            self._heard.append(job.id)
        self._unheard.remove(submission)

    async def _hear(self, utterance: Utterance, job: Job) -> None:
        try:
            async with aclosing(hear(self._state.parts, job)) as speech:
                samples = await first_samples(speech, self._settings.max_wait_seconds)
                if not samples:
                    raise SpeechCut("The job ended, and nothing of it was heard.")
                await self._tell_chunk(utterance, job)
                await self._pass_on(samples)
                async for samples in speech:
                    await self._pass_on(samples)
        except SpeechCut as cut:
            raise await why_cut(self._state, job, cut) from cut

    async def _pass_on(self, samples: bytes) -> None:
        self._samples += len(samples) // 2
        await send_audio(self._websocket, await run_in_threadpool(encode_samples, self._encoder, samples))

    async def _abandon(self) -> None:
        found = await asyncio.gather(*self._unheard, return_exceptions=True)
        for job in found:
            if isinstance(job, Job):
                await run_in_threadpool(abandon, self._state.parts, job)

    # --- what is told ---------------------------------------------------------------------------

    async def _tell_chunk(self, utterance: Utterance, job: Job) -> None:
        if self._first_audio is None and self._asked_at is not None:
            self._first_audio = self._state.parts.clock() - self._asked_at
        place = {"event": "chunk", "job_id": job.id, **_place(utterance)}
        await self._websocket.send_json({**place, "audio_start_s": self._seconds})

    async def _tell_done(self) -> None:
        await self._websocket.send_json(
            {
                "event": "done",
                "job_ids": self._heard,
                "characters": self._manuscript.characters,
                "duration_s": self._seconds,
                "first_audio_s": self._first_audio,
            }
        )

    @property
    def _seconds(self) -> float:
        """Of all the speech that was heard."""
        return round(self._samples / limits.SAMPLE_RATE, 3)


def _place(utterance: Utterance) -> dict[str, Any]:
    return {"text": utterance.text, "start": utterance.start, "end": utterance.end}
