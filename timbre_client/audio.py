"""A finished job's audio, held to the job's hash."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from timbre_client.errors import AudioDamaged
from timbre_client.job import Job, JobOutput
from timbre_client.reading import AsyncReading, Reading
from timbre_client.session import STORE, Session


class AsyncAudio(AsyncReading):
    """Read once, front to back. Each of its calls raises `AudioDamaged` at the end of what is not the job's audio."""

    def __init__(self, session: Session, response: httpx.Response, job: Job, output: JobOutput) -> None:
        super().__init__(session, response, self._held(session.chunks(response, STORE)))
        self.job = job
        self.output = output

    async def _held(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        digest = hashlib.sha256()
        async with aclosing(chunks):
            async for chunk in chunks:
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != self.output.sha256:
            raise AudioDamaged(self.job)


class Audio(Reading[AsyncAudio]):
    """Read once, front to back. Each of its calls raises `AudioDamaged` at the end of what is not the job's audio."""

    @property
    def job(self) -> Job:
        return self._inner.job

    @property
    def output(self) -> JobOutput:
        return self._inner.output
