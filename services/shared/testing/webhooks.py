"""The webhook store in memory, for tests of the services."""

import threading
from collections.abc import Mapping, Sequence

from services.shared.errors import JobNotFound
from services.shared.job import Job
from services.shared.ports import HeldDelivery
from services.shared.testing.jobs import MemoryJobStore
from services.shared.webhook import Delivery, first_delivery


class MemoryWebhookStore:
    """`WebhookStore` beside a `MemoryJobStore`, and away when that is."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._deliveries: dict[str, Delivery] = {}
        self._lock = threading.Lock()

    def take(self, now: float, limit: int, *, hold_seconds: float) -> Sequence[HeldDelivery]:
        self._jobs.ping()
        taken: list[HeldDelivery] = []
        with self._lock:
            for job_id, due in sorted(self._jobs.dues.items(), key=lambda item: item[1])[:limit]:
                job = self._record(job_id)
                if job is None:
                    del self._jobs.dues[job_id]
                elif due <= now:
                    self._jobs.dues[job_id] = now + hold_seconds
                    delivery = self._deliveries.get(job_id) or first_delivery(job.completed_at)
                    taken.append(HeldDelivery(job, delivery, now + hold_seconds))
        return taken

    def settle(self, held: HeldDelivery, delivery: Delivery) -> bool:
        self._jobs.ping()
        with self._lock:
            mine = self._let_go(held, delivery.next_attempt_at)
            if mine:
                self._deliveries[held.job.id] = delivery
            return mine

    def postpone(self, held: Sequence[HeldDelivery], until: float) -> None:
        self._jobs.ping()
        with self._lock:
            for one in held:
                self._let_go(one, until)

    def restart(self, job_id: str, delivery: Delivery) -> None:
        self._jobs.get(job_id)
        with self._lock:
            self._deliveries[job_id] = delivery
            self._jobs.dues[job_id] = delivery.next_attempt_at or 0.0

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Delivery]:
        self._jobs.ping()
        with self._lock:
            kept = {job_id for job_id in job_ids if self._record(job_id)}
            return {job_id: self._deliveries[job_id] for job_id in kept & self._deliveries.keys()}

    def _let_go(self, held: HeldDelivery, due: float | None) -> bool:
        job_id = held.job.id
        if self._jobs.dues.get(job_id) != held.held_until or self._record(job_id) is None:
            return False
        del self._jobs.dues[job_id]
        if due is not None:
            self._jobs.dues[job_id] = due
        return True

    def _record(self, job_id: str) -> Job | None:
        try:
            return self._jobs.get(job_id)
        except JobNotFound:
            return None
