"""`client.tts`: texts in, jobs or audio out."""

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Literal, TypedDict, Unpack

from timbre_client.audio import AsyncAudio, Audio
from timbre_client.blocking import Blocking, blocking, blocking_into, blocking_items
from timbre_client.errors import JobFailed, TimbreError
from timbre_client.job import Job
from timbre_client.jobs import AsyncJobs
from timbre_client.live import LiveEvent, Texts, speak_live
from timbre_client.session import Call, Session
from timbre_client.speech import AsyncSpeech, Speech
from timbre_client.uploads import Recording, opened
from timbre_client.voice import Voice, voice_id_of


class AudioOptions(TypedDict, total=False):
    """How to speak. What is left out, or None, is as the server has it."""

    #: 2.0 is twice as fast.
    speed: float | None
    #: What the text is in, as a BCP 47 tag; left out, the server tells from the text.
    language: str | None
    #: The same seed speaks the same request the same way.
    seed: int | None
    #: Quality for time.
    preset: Literal["quality", "balanced", "fast"] | None
    #: Solver steps; wins over `preset`.
    nfe_step: int | None
    #: How firmly to follow the voice.
    cfg_strength: float | None
    #: Shorten long pauses.
    remove_silence: bool | None
    format: Literal["wav", "flac", "mp3", "opus", "aac", "pcm"] | None
    #: Hz.
    sample_rate: int | None
    #: Bits a sample.
    bit_depth: int | None
    #: kbit/s.
    bitrate: int | None
    #: LUFS to bring the speech to, such as -16.
    loudness: float | None
    #: Cut silence off both ends.
    trim: bool | None
    #: Whether to share audio with identical requests; left out, where there is a `seed`.
    cache: bool | None
    #: Which model is to speak, where the server has several; left out, it draws one.
    model: str | None


class SharedOptions(AudioOptions, total=False):
    """What may be said beside voice and texts, however many there are."""

    #: Where the server fetches the voice, in place of `voice`: an https URL, or `s3://bucket/key`.
    voice_url: str | None
    #: A recording that was stored by `uploads.create`, in place of `voice`.
    upload_id: str | None
    #: An https URL that is told when a job has ended.
    webhook_url: str | None
    #: What is said in `voice`; left out, it is recognized, where the server can.
    ref_text: str | None
    #: What is more urgent is spoken sooner, as far as the key allows.
    priority: Literal["interactive", "default", "bulk"] | None
    #: Seconds in which it has to be done, or is given up as `expired`.
    deadline_s: float | None


class SpeechOptions(SharedOptions, total=False):
    """What may be said beside text and voice."""

    #: Have it made so that it can be heard while it is spoken, with `jobs.stream`.
    stream: bool | None
    #: Whether `[name]` in the text changes the speaker; left out, where no voice is given.
    dialogue: bool | None
    #: Speak it a chunk at a time and keep each chunk, as is done with all texts that are too long to be waited for.
    long: bool | None


class AsyncTts:
    def __init__(self, session: Session, jobs: AsyncJobs) -> None:
        self._session = session
        self._jobs = jobs

    async def create(
        self,
        text: str,
        *,
        voice: Recording | None = None,
        voice_id: Voice | str | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[SpeechOptions],
    ) -> Job:
        """Queue a text, to be spoken in the voice of a recording, or in a stored one.

        `voice_id` is a stored voice, its name or id, or `sample`, the bundled one.

        The request has a key of its own unless one is given, so that it makes one job however often it has to be
        sent. Raises `InvalidRequestError`, `NotFoundError` for a voice that is not there, and `OSError` for a
        recording that cannot be read.
        """
        fields = {"text": text, **form_fields(options, voice_id)}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4()), "Prefer": "respond-async"}
        with opened({"voice": voice}) as files:
            call = Call("POST", "/tts", fields=fields, files=files, headers=headers, repeatable=True)
            return await self._session.read(Job, call)

    async def speak(
        self,
        text: str,
        *,
        voice: Recording | None = None,
        voice_id: Voice | str | None = None,
        timeout: float | None = None,
        on_progress: Callable[[Job], object] | None = None,
        **options: Unpack[SpeechOptions],
    ) -> AsyncAudio:
        """Queue a text, wait for it, and open its audio: `create`, `jobs.wait` and `jobs.audio`, and what they raise.

        Whatever ends the waiting early, a timeout or an interrupt, cancels the job.
        """
        job = await self.create(text, voice=voice, voice_id=voice_id, **options)
        try:
            job = await self._jobs.wait(job, timeout=timeout, on_progress=on_progress)
        except JobFailed:
            raise
        except BaseException:
            with suppress(TimbreError):
                await self._jobs.cancel(job)
            raise
        return await self._jobs.audio(job)

    async def stream(
        self,
        text: str,
        *,
        voice: Recording | None = None,
        voice_id: Voice | str | None = None,
        **options: Unpack[SpeechOptions],
    ) -> AsyncSpeech:
        """Speak a text, and hear it while it is spoken: open from its first byte on. Close it early to stop the work.

        Raises what `create` raises, `JobFailed`'s cause as `ServerError`, and `ServerError` (504) where nothing was
        heard for as long as the server lets anybody wait.
        """
        fields = {"text": text, **form_fields(options, voice_id)}
        with opened({"voice": voice}) as files:
            call = Call("POST", "/tts/stream", fields=fields, files=files)
            return AsyncSpeech(self._session, await self._session.request(call, whole=False))

    def live(
        self,
        texts: Texts,
        *,
        voice_id: Voice | str,
        on_event: Callable[[LiveEvent], object] | None = None,
        **options: Unpack[AudioOptions],
    ) -> AsyncGenerator[bytes, None]:
        """Speak a text while it is written: the audio, as it is made, of `texts`, as they come.

        `voice_id` is what it is for `create`. Leave early to stop the work. What keeps a piece of
        the text from being spoken is an `error` event, all else is raised as of any request. Needs `websockets`.

        Without asyncio, a thread of its own takes from `texts`.
        """
        asked = {name: value for name, value in options.items() if value is not None}
        return speak_live(self._session, {"voice_id": voice_id_of(voice_id), **asked}, texts, on_event)


class Tts(Blocking[AsyncTts]):
    create = blocking(AsyncTts.create)
    speak = blocking_into(Audio, AsyncTts.speak)
    stream = blocking_into(Speech, AsyncTts.stream)
    live = blocking_items(AsyncTts.live)


def form_fields(options: SharedOptions, voice_id: Voice | str | None) -> dict[str, str]:
    """As a form has them."""
    fields = {name: _word(value) for name, value in options.items() if value is not None}
    return fields if voice_id is None else fields | {"voice_id": voice_id_of(voice_id)}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
