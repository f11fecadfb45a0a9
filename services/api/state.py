"""What every request finds in the application: the parts, and the use cases built on them."""

from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from services.api.checks import InputChecks
from services.api.library import VoiceLibrary
from services.api.remote import Remote
from services.api.submission import Submitter
from services.shared.parts import Parts


@dataclass(frozen=True)
class ApiState:
    parts: Parts
    checks: InputChecks
    submitter: Submitter
    library: VoiceLibrary
    #: Decoding uploads is heavy: only so many at once, in threads of their own.
    check_slots: CapacityLimiter
    remote: Remote
    #: Waiting for strangers' servers takes long, and for their names may: both have threads of their own.
    fetch_slots: CapacityLimiter
    lookup_slots: CapacityLimiter
    #: How long a deletion waits for the worker to let go of the job.
    cancel_wait_seconds: float
    started_at: float
    #: The same moment by the clock that jobs go by.
    created: float


def api_state(request: Request) -> ApiState:
    state: ApiState = request.app.state.api
    return state


State = Annotated[ApiState, Depends(api_state)]
