"""What every request finds in the application: the parts, and the use cases built on them."""

from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends
from starlette.requests import HTTPConnection

from services.api.callers.authenticator import Authenticator
from services.api.callers.open_streams import OpenStreams
from services.api.jobs.batching import Batcher
from services.api.jobs.checks import InputChecks
from services.api.jobs.estimates import Estimator
from services.api.jobs.idempotency import Idempotency
from services.api.jobs.models import Models
from services.api.jobs.overload import Overload
from services.api.jobs.submission import Submitter
from services.api.listening.narration import EventId, Narrator
from services.api.uploads.direct import DirectUploads
from services.api.uploads.remote import Remote
from services.api.uploads.screening import Screening
from services.api.views.job import job_state
from services.api.voices.library import VoiceLibrary
from services.shared.parts import Parts


@dataclass(frozen=True)
class ApiState:
    parts: Parts
    authenticator: Authenticator
    models: Models
    checks: InputChecks
    submitter: Submitter
    batcher: Batcher
    library: VoiceLibrary
    estimator: Estimator
    overload: Overload
    idempotency: Idempotency
    #: Decoding uploads is heavy: only so many at once, in threads of their own.
    check_slots: CapacityLimiter
    screening: Screening
    direct: DirectUploads
    remote: Remote
    #: Waiting for strangers' servers takes long, and for their names may: both have threads of their own.
    fetch_slots: CapacityLimiter
    lookup_slots: CapacityLimiter
    #: How long a deletion waits for the worker to let go of the job.
    cancel_wait_seconds: float
    #: Events of a job that stands still: so often its listeners hear that the line does too.
    quiet_seconds: float
    open_streams: OpenStreams
    started_at: float
    #: The same moment by the clock that jobs go by.
    created: float

    def narrator(self, seen: EventId | None) -> Narrator:
        """For one listener, who has seen the event `seen` if it comes back."""
        return Narrator(lambda job: job_state(job, self.parts, self.estimator.standing(job)), seen)


def api_state(connection: HTTPConnection) -> ApiState:
    state: ApiState = connection.app.state.api
    return state


async def _api_state(connection: HTTPConnection) -> ApiState:
    """Not a plain function: FastAPI would call it in a thread, at every request."""
    return api_state(connection)


State = Annotated[ApiState, Depends(_api_state)]
