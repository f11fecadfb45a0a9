"""`JobEvents` in memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from services.shared.news import READ_AGAIN, JobNews, Mailbox, Mailboxes


class MemoryJobEvents:
    """`JobEvents` on the list of a memory store's watchers."""

    def __init__(self, watchers: list[Callable[[str, JobNews], None]]) -> None:
        #: Nothing arrives while true: the connection is lost, though the store may answer.
        self.down = False
        self._mailboxes = Mailboxes()
        watchers.append(self._pass_on)

    def listen(self, job_id: str) -> AbstractContextManager[Mailbox]:
        return self._mailboxes.open(job_id)

    async def close(self) -> None:
        """Nothing is open."""

    def come_back(self) -> None:
        """What the end of an outage brings."""
        self.down = False
        for job_id in self.listened():
            self._mailboxes.put(job_id, READ_AGAIN)

    def listened(self) -> list[str]:
        """The jobs that somebody listens to."""
        return list(self._mailboxes.jobs())

    def _pass_on(self, job_id: str, news: JobNews) -> None:
        if not self.down:
            self._mailboxes.put(job_id, news)
