"""What a job costs beside its speech, as measured on real servers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Seconds."""

    #: Of a worker's time: all that it does for a job but to speak it, and the wait for the next one.
    between: float
    #: Of one core of Valkey: a job, and a second of a job under way (its heartbeats and progress).
    store_job: float
    store_second: float
    #: Of a core of the object store, a job's reference and audio.
    blobs_job: float
    #: Of a core of the worker, a job without speech.
    worker_job: float
    #: Of a core of the API, a job's submission.
    api_job: float

    def store_cores(self, jobs_a_second: float, running: float) -> float:
        """How many cores of Valkey so many jobs take, `running` of them at any time."""
        return jobs_a_second * self.store_job + running * self.store_second
