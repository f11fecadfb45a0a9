"""`client.jobs`: what was asked for, and what became of it."""

from collections.abc import AsyncGenerator, Callable
from functools import partial

from timbre_client.audio import AsyncAudio, Audio
from timbre_client.blocking import Blocking, blocking, blocking_into, blocking_items
from timbre_client.errors import AudioNotReady, JobFailed, JobTimeout
from timbre_client.events import JobEvent, listen
from timbre_client.job import Job, JobStatus, job_id_of
from timbre_client.listing import Page, read_page, walk
from timbre_client.polling import Polling, watch
from timbre_client.session import Call, Session, path_of
from timbre_client.speech import AsyncSpeech, Speech


class AsyncJobs:
    """Every call takes a `Job` or its id, and raises `NotFoundError` where there is none of yours."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, job: Job | str) -> Job:
        """The job as it is now."""
        return await self._session.read(Job, Call("GET", path_of("jobs", job_id_of(job)), repeatable=True))

    def list(self, *, status: JobStatus | None = None, page_size: int = 100) -> AsyncGenerator[Job, None]:
        """Your jobs, newest first, all of them: the next page is fetched when it is come to."""
        return walk(lambda cursor: self.page(status=status, limit=page_size, cursor=cursor))

    async def page(self, *, status: JobStatus | None = None, limit: int = 20, cursor: str | None = None) -> Page[Job]:
        """One page of them; `cursor` is the `next_cursor` of the page before."""
        return await read_page(self._session, Job, "/jobs", "jobs", limit=limit, cursor=cursor, status=status)

    async def cancel(self, job: Job | str) -> Job:
        """Canceled at once where it waits, within two solver steps where it is spoken. Raises `ConflictError`
        where it is over."""
        return await self._session.read(Job, Call("POST", path_of("jobs", job_id_of(job), "cancel")))

    async def delete(self, job: Job | str) -> None:
        """The record, the reference and the audio are gone for good."""
        await self._session.request(Call("DELETE", path_of("jobs", job_id_of(job))))

    async def wait(
        self,
        job: Job | str,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Job], object] | None = None,
        patience: float = 30.0,
        longest_pause: float = 2.0,
    ) -> Job:
        """The job once it succeeded.

        It is polled, at first every 0.15 s and then more and more seldom, up to `longest_pause` seconds.
        `on_progress` is called with every reading, the last one too. A server that does not answer is asked again
        for `patience` seconds. Raises `JobFailed` where it ended otherwise, and `JobTimeout` after `timeout`
        seconds: the job goes on then, unless it is canceled.
        """
        look = partial(self._session.read, Job, Call("GET", path_of("jobs", job_id_of(job))), max_retries=0)
        polling = Polling(self._session.clock, timeout=timeout, patience=patience, longest_pause=longest_pause)
        current = job if isinstance(job, Job) else await self.get(job)
        current = await watch(self._session, polling, current, look, is_over=_is_over, on_progress=on_progress)
        if not current.is_terminal:
            raise JobTimeout(current, timeout or 0.0)
        if current.status != "succeeded":
            raise JobFailed(current)
        return current

    def events(
        self, job: Job | str, *, last_event_id: str | None = None, patience: float = 30.0
    ) -> AsyncGenerator[JobEvent, None]:
        """What happens to the job, as it happens; its `end` is the last.

        A line that breaks is taken up again where it broke, for `patience` seconds. `last_event_id` is the `id` of
        an event that was seen already.
        """
        return listen(self._session, job_id_of(job), last_event_id, patience)

    async def audio(self, job: Job | str) -> AsyncAudio:
        """The audio, open for reading: a context manager. Raises `AudioNotReady`, `JobFailed`, `AudioUnavailable`."""
        current = await self.get(job)
        if current.result_url is None or current.output is None:
            raise JobFailed(current) if current.is_terminal else AudioNotReady(current)
        response = await self._session.open(current.result_url)
        return AsyncAudio(self._session, response, current, current.output)

    async def stream(self, job: Job | str) -> AsyncSpeech:
        """The audio from its beginning, while it is spoken; of a job that was not submitted with `stream=True`, once
        it is done. Raises `ConflictError` where there will be none."""
        call = Call("GET", path_of("jobs", job_id_of(job), "stream"), repeatable=True)
        return AsyncSpeech(self._session, await self._session.request(call, whole=False))


class Jobs(Blocking[AsyncJobs]):
    """Every call takes a `Job` or its id, and raises `NotFoundError` where there is none of yours."""

    get = blocking(AsyncJobs.get)
    list = blocking_items(AsyncJobs.list)
    page = blocking(AsyncJobs.page)
    cancel = blocking(AsyncJobs.cancel)
    delete = blocking(AsyncJobs.delete)
    wait = blocking(AsyncJobs.wait)
    events = blocking_items(AsyncJobs.events)
    audio = blocking_into(Audio, AsyncJobs.audio)
    stream = blocking_into(Speech, AsyncJobs.stream)


def _is_over(job: Job) -> bool:
    return job.is_terminal
