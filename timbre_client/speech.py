"""A job's speech, heard while it is spoken."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import httpx

from timbre_client.address import shown
from timbre_client.errors import JobFailed, ServerUnreachable, TimbreError
from timbre_client.job import Job
from timbre_client.reading import AsyncReading, Reading
from timbre_client.session import Call, Session, path_of


class AsyncSpeech(AsyncReading):
    """Read once, front to back, as it is made. Where it breaks off, its calls raise `JobFailed`, if that is why, or
    `ServerUnreachable`."""

    def __init__(self, session: Session, response: httpx.Response) -> None:
        super().__init__(session, response, self._told(session.chunks(response, shown(response.url))))
        self.job_id: str = response.headers.get("X-Job-Id", "")
        self.content_type: str = response.headers.get("Content-Type", "")

    async def _told(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """A line that is cut says nothing of why; the job does."""
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        except ServerUnreachable as error:
            job = await self._job()
            if job is not None and job.is_terminal and job.status != "succeeded":
                raise JobFailed(job) from error
            raise

    async def _job(self) -> Job | None:
        with suppress(TimbreError):
            return await self._session.read(Job, Call("GET", path_of("jobs", self.job_id), repeatable=True))
        return None


class Speech(Reading[AsyncSpeech]):
    """Read once, front to back, as it is made. Where it breaks off, its calls raise `JobFailed`, if that is why, or
    `ServerUnreachable`."""

    @property
    def job_id(self) -> str:
        return self._inner.job_id

    @property
    def content_type(self) -> str:
        return self._inner.content_type
