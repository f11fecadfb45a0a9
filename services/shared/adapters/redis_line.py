"""The lines of queued jobs, in Redis or Valkey, beside their records (see `redis_line_scripts`)."""

from collections.abc import Mapping, Sequence

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.adapters.redis_jobs import QUEUED, read_jobs
from services.shared.adapters.redis_line_scripts import ADMIT, ALL_OWNERS, BACKLOG, LANE_BACKLOG, MODELS, REPAIR
from services.shared.job import Job, JobStatus
from services.shared.lane import UNNAMED, Lane, lanes_of
from services.shared.line import Admitted, Backlog, Repaired


class RedisJobLine:
    """`JobLine` beside a `RedisJobStore` on the same server, on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._admit = client.register_script(ADMIT)
        self._repair = client.register_script(REPAIR)

    def admit(self, now: float, lead: int) -> Sequence[Admitted]:
        with redis_errors():
            found = self._admit(args=[repr(now), lead])
        rows = zip(found[::3], found[1::3], found[2::3], strict=True)
        return [Admitted(job_id, Lane.parse(name), traceparent or None) for job_id, name, traceparent in rows]

    def sent(self, before: float) -> Sequence[Job]:
        found = self._sent(before)
        jobs = read_jobs(self._client, [job_id for _, job_id in found])
        for (lane, job_id), job in zip(found, jobs, strict=True):
            if job is None or job.status is not JobStatus.QUEUED:
                self._drop(lane, job_id)
        return [job for job in jobs if job is not None and job.status is JobStatus.QUEUED]

    def repair(self, now: float, start: int, limit: int) -> Repaired:
        with redis_errors():
            seen, jobs = self._repair(keys=[QUEUED], args=[repr(now), start, limit])
        return Repaired(int(jobs), start + limit if seen == limit else 0)

    def backlog(self, owner: str) -> Backlog:
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            pipeline.hmget(BACKLOG, ALL_OWNERS, owner)
            pipeline.hlen(BACKLOG)
            (total, own), fields = pipeline.execute()
        return Backlog(int(total or 0), int(own or 0), max(0, fields - 1))

    def lanes(self) -> Sequence[Lane]:
        with redis_errors():
            return lanes_of([None, *sorted(str(model) for model in self._client.smembers(MODELS))])

    def backlog_by_lane(self) -> Mapping[Lane, int]:
        with redis_errors():
            found = self._client.hgetall(LANE_BACKLOG)
        return dict.fromkeys(UNNAMED, 0) | {Lane.parse(str(name)): int(ms) for name, ms in found.items()}

    def _sent(self, before: float) -> list[tuple[Lane, str]]:
        lanes = self.lanes()
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for lane in lanes:
                pipeline.zrange(_sent(lane), "-inf", f"({before!r}", byscore=True)
            lines = pipeline.execute()
        return [(lane, job_id) for lane, ids in zip(lanes, lines, strict=True) for job_id in ids]

    def _drop(self, lane: Lane, job_id: str) -> None:
        """A record that was deleted by hand, or moved on by a release that knew no line."""
        with redis_errors():
            self._client.zrem(_sent(lane), job_id)


def _sent(lane: Lane) -> str:
    return f"{PREFIX}:sent:{lane.name}"
