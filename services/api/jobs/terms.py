"""On which terms a caller's jobs are taken in."""

from dataclasses import dataclass
from typing import Final

from services.api.callers.errors import PriorityNotAllowed
from services.api.callers.identity import Identity
from services.api.forms.speech import SharedFields
from services.shared.priority import PRIORITIES, Priority


@dataclass(frozen=True)
class Terms:
    priority: Priority = Priority.DEFAULT
    #: The owner's share of the workers, against others'.
    weight: float = 1.0
    #: How many jobs of the owner may be under way; 0 is any number.
    concurrent_jobs: int = 0


#: Of jobs that nobody asks for over the network.
PLAIN: Final = Terms()


def agree(identity: Identity, fields: SharedFields, usual: Priority) -> Terms:
    """`usual` is what the route's jobs are where nothing is asked for, as far as the caller may.

    Raises `PriorityNotAllowed` where more is asked for than that.
    """
    highest = identity.max_priority
    asked = None if fields.priority is None else Priority(fields.priority)
    if asked is not None and asked.rank < highest.rank:
        accepted = ", ".join(PRIORITIES[highest.rank :])
        raise PriorityNotAllowed(f"Your jobs may not be `{asked}`.", field="priority", accepted=accepted)
    priority = asked or max(usual, highest, key=lambda one: one.rank)
    return Terms(priority, identity.weight, identity.concurrent_jobs)
