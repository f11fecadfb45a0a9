"""News of jobs on their way to whoever listens: the latest alone counts, so nothing piles up."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class JobNews:
    """How far a job's record is. A state, not a difference: whoever has the latest has missed nothing."""

    #: None: nobody knows, so the record has to be read.
    revision: int | None
    progress: float = 0.0


#: The record is gone, or something may have been missed: read it.
READ_AGAIN: Final = JobNews(revision=None)


def percent(progress: float) -> int:
    """Whole percents: a job is heard of once for each, however many steps it takes."""
    return int(progress * 100)


class Mailbox:
    """Holds one listener's latest news, at first `READ_AGAIN`. Made, and taken from, on an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = READ_AGAIN
        self._full = asyncio.Event()
        self._full.set()

    def put(self, news: JobNews) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._replace, news)

    async def take(self) -> JobNews:
        """The latest news, once there are any that were not taken yet."""
        await self._full.wait()
        self._full.clear()
        return self._news

    def _replace(self, news: JobNews) -> None:
        self._news = news
        self._full.set()


class Mailboxes:
    """The mailboxes of all listeners of a process, by job."""

    def __init__(self) -> None:
        self._by_job: dict[str, list[Mailbox]] = {}

    @contextmanager
    def open(self, job_id: str) -> Iterator[Mailbox]:
        mailbox = Mailbox()
        self._by_job.setdefault(job_id, []).append(mailbox)
        try:
            yield mailbox
        finally:
            self._by_job[job_id].remove(mailbox)
            if not self._by_job[job_id]:
                del self._by_job[job_id]

    def put(self, job_id: str, news: JobNews) -> None:
        for mailbox in list(self._by_job.get(job_id, ())):
            mailbox.put(news)

    def jobs(self) -> Collection[str]:
        """The jobs that somebody listens to."""
        return self._by_job.keys()
