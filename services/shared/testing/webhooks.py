"""The webhook store in memory, for tests of the services."""

import threading
from collections.abc import Mapping, Sequence

from services.shared.errors import BatchNotFound, JobNotFound
from services.shared.ports import HeldDelivery
from services.shared.testing.batches import MemoryBatchStore
from services.shared.testing.jobs import MemoryJobStore
from services.shared.webhook import Delivery, Subject, end_of, first_delivery, gone


class MemoryWebhookStore:
    """`WebhookStore` beside a `MemoryJobStore` and its batches, and away when that is."""

    def __init__(self, jobs: MemoryJobStore, batches: MemoryBatchStore) -> None:
        self._jobs = jobs
        self._batches = batches
        self._deliveries: dict[str, Delivery] = {}
        self._lock = threading.Lock()

    def take(self, now: float, limit: int, *, hold_seconds: float) -> Sequence[HeldDelivery]:
        self._jobs.ping()
        taken: list[HeldDelivery] = []
        with self._lock:
            for subject_id, due in sorted(self._jobs.dues.items(), key=lambda item: item[1])[:limit]:
                subject = self._record(subject_id)
                if subject is None:
                    del self._jobs.dues[subject_id]
                elif due <= now:
                    self._jobs.dues[subject_id] = now + hold_seconds
                    delivery = self._deliveries.get(subject_id) or first_delivery(end_of(subject))
                    taken.append(HeldDelivery(subject, delivery, now + hold_seconds))
        return taken

    def settle(self, held: HeldDelivery, delivery: Delivery) -> bool:
        self._jobs.ping()
        with self._lock:
            mine = self._let_go(held, delivery.next_attempt_at)
            if mine:
                self._deliveries[held.subject.id] = delivery
            return mine

    def postpone(self, held: Sequence[HeldDelivery], until: float) -> None:
        self._jobs.ping()
        with self._lock:
            for one in held:
                self._let_go(one, until)

    def restart(self, subject: Subject, delivery: Delivery) -> None:
        self._jobs.ping()
        with self._lock:
            if self._record(subject.id) is None:
                raise gone(subject)
            self._deliveries[subject.id] = delivery
            self._jobs.dues[subject.id] = delivery.next_attempt_at or 0.0

    def find(self, subjects: Sequence[Subject]) -> Mapping[str, Delivery]:
        self._jobs.ping()
        with self._lock:
            kept = {subject.id for subject in subjects if self._record(subject.id)}
            return {subject_id: self._deliveries[subject_id] for subject_id in kept & self._deliveries.keys()}

    def _let_go(self, held: HeldDelivery, due: float | None) -> bool:
        subject_id = held.subject.id
        if self._jobs.dues.get(subject_id) != held.held_until or self._record(subject_id) is None:
            return False
        del self._jobs.dues[subject_id]
        if due is not None:
            self._jobs.dues[subject_id] = due
        return True

    def _record(self, subject_id: str) -> Subject | None:
        for get in (self._jobs.get, self._batches.get):
            try:
                return get(subject_id)
            except (JobNotFound, BatchNotFound):
                continue
        return None
