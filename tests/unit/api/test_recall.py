"""A request that was spoken before is answered at once, with a copy."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import httpx
import pytest

from f5_tts_core.testing import ToneEngine
from services.shared.job import Job, JobStatus
from services.shared.ports import WorkerBeat
from services.shared.recall import Recall
from services.shared.signing import new_secret
from tests.unit.api.client import ALICE, BOB, Client, bearer, run_job

MakeClient = Callable[..., Client]
ENGINE = ToneEngine().describe()
AUDIO = b"RIFF-audio"


def _announce(client: Client, worker: str = "worker-1", **other: str) -> None:
    info = asdict(replace(ENGINE, **other))
    client.parts.workers.announce(WorkerBeat(worker, info, client.parts.clock()), 3_600.0)


def _spoken(client: Client, **options: Any) -> Job:
    """A request that a worker has spoken, as it does."""
    job = client.parts.jobs.get(client.speak(**{"seed": "7"} | options).json()["job_id"])
    assert Recall(client.parts).find_or_lead(job, ENGINE, pytest.fail) is None
    return run_job(client.parts, job, AUDIO)


@pytest.fixture
def ready(client: Client) -> Client:
    """A client of an API with a ready worker."""
    _announce(client)
    return client


def _again(client: Client, **options: Any) -> httpx.Response:
    return client.speak(**{"seed": "7"} | options)


def test_the_same_again_is_answered_at_once(ready: Client) -> None:
    first = _spoken(ready)
    answer = _again(ready)
    body = answer.json()
    assert (body["status"], body["output"]["cached"], body["input"]["cache"]) == ("succeeded", True, True)
    assert (body["progress"], body["output"]["sha256"]) == (1.0, first.output.sha256)
    assert ready.parts.blobs.fetch(body["result_url"]) == AUDIO
    assert first.id not in answer.text
    second = ready.parts.jobs.get(body["job_id"])
    assert second.output.key != first.output.key
    assert second.input.reference_key not in ready.parts.blobs.blobs
    assert ready.parts.queue.sent == [first.id]
    assert second.metrics["total_seconds"] == 0.0


def test_nothing_is_left_of_what_came_with_a_request_that_is_answered_at_once(ready: Client) -> None:
    _spoken(ready, long="true")
    before = set(ready.parts.blobs.blobs)
    assert _again(ready, long="true").json()["output"]["cached"] is True
    left = set(ready.parts.blobs.blobs) - before
    assert [key.split("/")[0] for key in left] == ["outputs"]


def test_the_first_is_not_called_cached(ready: Client) -> None:
    assert ready.get(f"/jobs/{_spoken(ready).id}").json()["output"]["cached"] is False


def test_who_waits_gets_the_audio(ready: Client) -> None:
    _spoken(ready)
    answer = _again(ready, headers={"Prefer": "wait=5"})
    assert (answer.status_code, answer.content) == (200, AUDIO)


def test_one_goes_and_the_other_stays(ready: Client) -> None:
    first, second = _spoken(ready), _again(ready).json()
    ready.delete(f"/jobs/{first.id}")
    again = ready.get(f"/jobs/{second['job_id']}").json()
    assert ready.parts.blobs.fetch(again["result_url"]) == AUDIO
    assert again["output"]["expires_at"] == second["output"]["expires_at"]


def test_a_webhook_is_due_all_the_same(make_client: MakeClient) -> None:
    client = make_client(webhook_secret=new_secret())
    _announce(client)
    _spoken(client)
    job_id = _again(client, webhook_url="https://receiver.test/hook").json()["job_id"]
    (held,) = client.parts.webhooks.take(client.parts.clock(), 10, hold_seconds=1)
    assert (held.subject.id, held.subject.status) == (job_id, JobStatus.SUCCEEDED)


# --- who gets nothing ------------------------------------------------------------------------------


def _is_queued(answer: httpx.Response) -> bool:
    return answer.status_code == 202 and answer.json()["status"] == "queued"


def test_nobody_gets_anothers_audio(locked: Client) -> None:
    _announce(locked)
    _spoken(locked, headers=bearer(ALICE))
    assert _is_queued(_again(locked, headers=bearer(BOB)))
    assert _again(locked, headers=bearer(ALICE)).json()["output"]["cached"]


@pytest.mark.parametrize(
    "other", [{"text": "Another."}, {"seed": "8"}, {"format": "flac"}, {"speed": "1.5"}, {"cache": "false"}]
)
def test_another_request_is_queued(ready: Client, other: dict[str, str]) -> None:
    _spoken(ready)
    assert _is_queued(_again(ready, **other))


def test_without_a_seed_each_take_is_another(ready: Client) -> None:
    for _ in range(2):
        answer = ready.speak()
        assert _is_queued(answer)
        assert answer.json()["input"]["cache"] is False


def test_who_asks_for_it_gets_the_same_take_without_a_seed(ready: Client) -> None:
    first = ready.parts.jobs.get(ready.speak(cache="true").json()["job_id"])
    assert Recall(ready.parts).find_or_lead(first, ENGINE, pytest.fail) is None
    run_job(ready.parts, first, AUDIO)
    assert ready.speak(cache="true").json()["output"]["cached"]


def test_the_operator_may_switch_it_off(make_client: MakeClient) -> None:
    client = make_client(result_cache=False)
    _announce(client)
    _spoken(client)
    answer = _again(client, cache="true")
    assert _is_queued(answer)
    assert answer.json()["input"]["cache"] is False


def test_what_is_still_spoken_is_left_to_the_workers(ready: Client) -> None:
    job = ready.parts.jobs.get(_again(ready).json()["job_id"])
    Recall(ready.parts).find_or_lead(job, ENGINE, pytest.fail)
    assert _is_queued(_again(ready))


def test_two_models_are_one_too_many(ready: Client) -> None:
    _spoken(ready)
    _announce(ready, "worker-2", fingerprint="other")
    assert _is_queued(_again(ready))


def test_another_models_audio_is_not_this_ones(client: Client) -> None:
    _spoken(client)
    _announce(client, fingerprint="other")
    assert _is_queued(_again(client))


def test_nothing_is_known_while_no_worker_is_ready(client: Client) -> None:
    _spoken(client)
    assert _is_queued(_again(client))


# --- what may go wrong ------------------------------------------------------------------------------


def test_audio_that_lies_there_no_more_is_queued(ready: Client) -> None:
    ready.parts.blobs.delete(_spoken(ready).output.key)
    assert _is_queued(_again(ready))
    assert len(ready.parts.queue.sent) == 2


@pytest.mark.parametrize("part", ["results", "workers"])
def test_an_outage_only_makes_it_a_job_like_any_other(ready: Client, part: str) -> None:
    _spoken(ready)
    getattr(ready.parts, part).down = True
    assert _is_queued(_again(ready))


def test_a_job_that_somebody_else_took_is_left_to_them(ready: Client) -> None:
    """The sweeper sent it, after the API stood still for long, and a worker was quicker."""
    _spoken(ready)
    replace_job = ready.parts.jobs.replace

    def rival(old: Job, new: Job) -> Job:
        ready.parts.jobs.replace = replace_job
        ready.parts.jobs.replace(old, replace(new, worker="worker-1"))
        return replace_job(old, new)

    ready.parts.jobs.replace = rival
    job_id = _again(ready).json()["job_id"]
    job = ready.parts.jobs.get(job_id)
    assert (job.status, job.worker) == (JobStatus.PROCESSING, "worker-1")
