"""Webhooks on their way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.shared.webhook import Delivery, Subject


@dataclass(frozen=True)
class HeldDelivery:
    """A delivery that is due, and its taker's alone until the moment `held_until`."""

    subject: Subject
    delivery: Delivery
    held_until: float


class WebhookStore(Protocol):
    """What became of the webhooks of ended jobs and batches. May raise `JobStoreUnavailable`.

    A job that has a `webhook_url` is due from the very write that ends it, by whichever `JobStore` on the same
    server, until it is settled; a batch, from the write that ends the last of its jobs. Its delivery lives as long as
    its record.
    """

    def take(self, now: float, limit: int, *, hold_seconds: float) -> Sequence[HeldDelivery]:
        """What is due by `now`, longest first. Who dies while holding loses it after `hold_seconds` to the next."""
        ...

    def settle(self, held: HeldDelivery, delivery: Delivery) -> bool:
        """Store the outcome of a try. False, and nothing is stored, where it is held by another one by now."""
        ...

    def postpone(self, held: Sequence[HeldDelivery], until: float) -> None:
        """Give these back untried, due again at `until`; those that are held by another one by now stay so."""
        ...

    def restart(self, subject: Subject, delivery: Delivery) -> None:
        """Make `delivery` its own, due at its `next_attempt_at`. Raises `JobNotFound`, `BatchNotFound`."""
        ...

    def find(self, subjects: Sequence[Subject]) -> Mapping[str, Delivery]:
        """Those that were tried or restarted at least once, by the subject's id, in one round trip."""
        ...
