"""Keys and limits of tenants on a real store, as two API processes share it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.shared.api_key import Quotas
from services.shared.job import JobOutput, claim, succeed
from services.shared.parts import Parts, connect
from services.shared.servers import wait_until_answers
from services.shared.settings import Settings
from tests.unit.api.client import Client, bearer, store_key


@pytest.fixture
def pair(settings: Settings) -> Iterator[tuple[Client, Client]]:
    """Two APIs that share nothing but their servers, and forget what they know of keys after a second."""
    own = {"require_auth": True, "key_cache_seconds": 1.0}
    parts = [connect(Settings(**{**dict(settings), **own})) for _ in range(2)]
    yield Client(parts[0]), Client(parts[1])
    for one in parts:
        one.close()


def test_a_key_revoked_at_one_is_refused_by_all_within_seconds(pair: tuple[Client, Client]) -> None:
    one, other = pair
    admin = bearer(store_key(one.parts, "operator", "admin"))
    made = one.post("/admin/keys", json={"tenant": "acme"}, headers=admin).json()
    key = bearer(made["key"])
    assert [client.get("/jobs", headers=key).status_code for client in pair] == [200, 200]
    assert one.delete(f"/admin/keys/{made['key_id']}", headers=admin).status_code == 204
    assert one.get("/jobs", headers=key).status_code == 401

    def refused_by_the_other() -> None:
        assert other.get("/jobs", headers=key).status_code == 401

    wait_until_answers(refused_by_the_other)


def test_requests_are_counted_for_all_processes_together(pair: tuple[Client, Client]) -> None:
    key = bearer(store_key(pair[0].parts, "acme", quotas=Quotas(requests_per_minute=4)))
    answers = [pair[number % 2].get("/jobs", headers=key) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [
        f'"requests";r={left}' for left in (3, 2, 1, 0, 0, 0)
    ]
    assert 50 <= int(answers[-1].headers["retry-after"]) <= 60


def test_of_many_submissions_at_once_as_many_are_taken_as_may_be(pair: tuple[Client, Client]) -> None:
    key = bearer(store_key(pair[0].parts, "acme", quotas=Quotas(concurrent_jobs=5)))
    together = threading.Barrier(2)

    def submit(client: Client) -> list[int]:
        together.wait(timeout=10)
        return [client.speak(headers=key).status_code for _ in range(6)]

    with ThreadPoolExecutor(2) as pool:
        statuses = [status for answers in pool.map(submit, pair) for status in answers]
    assert sorted(statuses) == [202] * 5 + [429] * 7
    assert pair[0].parts.jobs.usage("acme", 0.0).jobs == 5


def test_audio_counts_for_its_tenant_once_it_was_made(pair: tuple[Client, Client]) -> None:
    one, other = pair
    key = bearer(store_key(one.parts, "acme", quotas=Quotas(audio_seconds=2)))
    _speak(one.parts, one.speak(headers=key).json()["job_id"], seconds=2.5)
    refused = other.speak(headers=key)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/audio-quota-used")
    assert other.speak(headers=bearer(store_key(one.parts, "other"))).status_code == 202


def test_where_redis_is_gone_the_answer_is_503(settings: Settings) -> None:
    parts = connect(Settings(**{**dict(settings), "require_auth": True, "redis_url": "redis://127.0.0.1:1/0"}))
    answer = Client(parts).get("/jobs", headers=bearer(f"tmb_{'0' * 16}_{'x' * 43}"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    parts.close()


def _speak(parts: Parts, job_id: str, seconds: float) -> None:
    """What a worker writes when it is done."""
    queued = parts.jobs.get(job_id)
    running = parts.jobs.replace(queued, claim(queued, "worker-1", parts.clock(), 10.0))
    output = JobOutput(f"outputs/{job_id}/1.wav", "wav", 3, "0" * 64, seconds, 24_000, 7)
    parts.jobs.replace(running, succeed(running, running.attempt, output, {}, parts.clock()))
