"""Listening to a job's speech while it is spoken."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.concurrency import run_in_threadpool

from services.api.errors import AudioNotReady
from services.api.listening.chunk_hearing import ChunkEar
from services.api.listening.following import changes
from services.api.listening.streamed import SpeechCut
from services.shared.errors import JobNotFound, Unavailable
from services.shared.job import Job, JobStatus
from services.shared.parts import Parts
from services.shared.ports import AudioChannel

#: Seconds without news after which it is looked whether something was missed, or the client has left.
_QUIET_SECONDS: Final = 0.5
#: Pieces read at once: ten seconds of speech, about half a megabyte.
_BATCH: Final = 10


class Ear:
    """Hears one job's speech from its first piece to its last. Blocking."""

    def __init__(self, channel: AudioChannel) -> None:
        self._channel = channel
        self._attempt = 0
        #: Of the latest piece; 0: nothing was heard yet.
        self._number = 0
        self.is_over = False

    @property
    def has_heard(self) -> bool:
        return self._number > 0

    def listen(self, job: Job) -> bytes:
        """What has come since the last time: 16-bit samples. Nothing is heard of a job that waits.

        Raises `SpeechCut` where another attempt speaks the text anew, or pieces are gone that were not heard;
        `AudioNotReady` where the first of them are.
        """
        if job.attempt != self._attempt or job.status is JobStatus.QUEUED:
            if self.has_heard:
                raise SpeechCut("The attempt that was heard did not end well.")
            self._attempt = job.attempt
        if job.status is JobStatus.QUEUED or self.is_over:
            return b""
        pieces = self._channel.read(job.id, self._attempt, after=self._number, limit=_BATCH)
        if pieces and pieces[0].number != self._number + 1:
            if self.has_heard:
                raise SpeechCut("What comes next is no longer kept.")
            raise AudioNotReady("The beginning of the speech is no longer kept; all of it is there once it is spoken.")
        if pieces:
            self._number = pieces[-1].number
            self.is_over = not pieces[-1].samples
        return b"".join(piece.samples for piece in pieces)


async def hear(parts: Parts, job: Job) -> AsyncGenerator[bytes, None]:
    """A job's speech as it is made, in 16-bit samples; nothing, every now and then, where nothing new has come.

    Ends without any sample where the job has ended and nothing of it can be heard: then its record has the word.
    Raises `SpeechCut` where it breaks off; before anything is heard `JobNotFound`, where the job is deleted, and
    `AudioNotReady` where its beginning is gone.
    """
    in_chunks = job.input.in_chunks and job.input.stream
    ear = ChunkEar(parts.blobs) if in_chunks else Ear(parts.audio)
    try:
        async with aclosing(_looks(parts, job)) as looks:
            async for current in looks:
                while samples := await run_in_threadpool(_listen, ear, current):
                    yield samples
                if ear.is_over:
                    return
                yield b""
    except JobNotFound:
        if ear.has_heard:
            raise SpeechCut("The job was deleted.") from None
        raise
    if ear.has_heard:
        raise SpeechCut("The job ended before its speech did.")


async def _looks(parts: Parts, job: Job) -> AsyncGenerator[Job, None]:
    """The job as it is, then at every change and piece, to its end."""
    yield job
    async with aclosing(changes(parts, job, _QUIET_SECONDS)) as changed:
        async for current in changed:
            yield current


def _listen(ear: Ear | ChunkEar, job: Job) -> bytes:
    try:
        return ear.listen(job)
    except Unavailable:
        return b""  # It is asked again.
