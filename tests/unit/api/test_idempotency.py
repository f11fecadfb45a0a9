"""`Idempotency-Key`: one job, however often its client asks for it."""

import asyncio

import pytest

from services.api.jobs.idempotency import RESERVED_SECONDS, Idempotency
from services.shared.errors import JobStoreUnavailable
from services.shared.job import Job
from tests.unit.api.client import ALICE, BOB, REFERENCE, Client, add_job, bearer, run_job

KEY = {"Idempotency-Key": "once"}


def test_the_same_again_answers_the_same_job(client: Client) -> None:
    first, again = client.speak(headers=KEY), client.speak(headers=KEY)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert again.headers["location"] == first.headers["location"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert client.parts.queue.sent == [first.json()["job_id"]]


def test_without_a_key_every_request_is_a_job(client: Client) -> None:
    assert client.speak().json()["job_id"] != client.speak().json()["job_id"]


def test_who_waits_again_is_given_the_audio(client: Client) -> None:
    job_id = client.speak(headers=KEY).json()["job_id"]
    run_job(client.parts, client.parts.jobs.get(job_id))
    answer = client.speak(headers={**KEY, "Prefer": "wait=5"})
    assert (answer.status_code, answer.content) == (200, b"RIFF-audio")
    assert answer.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("other", [{"text": "Another text."}, {"voice": REFERENCE + b"\0\0"}, {"seed": "7"}])
def test_another_request_is_refused(client: Client, other: dict[str, object]) -> None:
    client.speak(headers=KEY)
    answer = client.speak(headers=KEY, **other)
    body = answer.json()
    assert (answer.status_code, body["type"]) == (422, "/problems/idempotency-key-reused")
    assert body["field"] == "Idempotency-Key"


def test_while_the_first_is_under_way_the_second_waits_its_turn(client: Client) -> None:
    answers = []
    put = client.parts.blobs.put

    def put_and_repeat(*args: object) -> None:
        client.parts.blobs.put = put
        answers.append(client.speak(headers=KEY))
        put(*args)

    client.parts.blobs.put = put_and_repeat
    assert client.speak(headers=KEY).status_code == 202
    assert (answers[0].status_code, answers[0].json()["type"]) == (409, "/problems/idempotency-key-in-use")
    assert client.speak(headers=KEY).headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("part", ["blobs", "checks"])
def test_a_refused_request_leaves_the_key_free(client: Client, part: str) -> None:
    if part == "blobs":
        client.parts.blobs.down = True
        assert client.speak(headers=KEY).status_code == 503
        client.parts.blobs.down = False
    else:
        assert client.speak(headers=KEY, voice=b"no audio").status_code == 400
    answer = client.speak(headers=KEY)
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False)


class Died(BaseException):
    """The end of a process, in the midst of a request."""


def test_a_process_that_died_before_its_job_was_made_holds_no_key_for_long(client: Client) -> None:
    put = client.parts.blobs.put

    def die(*_: object) -> None:
        client.parts.blobs.put = put
        raise Died

    client.parts.blobs.put = die
    with pytest.raises(Died):
        client.speak(headers=KEY)
    assert client.speak(headers=KEY).status_code == 409
    client.parts.clock.advance(RESERVED_SECONDS + client.parts.settings.voice_url_timeout_seconds)
    assert client.speak(headers=KEY).status_code == 202


def test_what_a_process_made_that_died_then_is_found_and_the_key_is_kept_by_whoever_finds_it(client: Client) -> None:
    keep, client.parts.idempotency.keep = client.parts.idempotency.keep, lambda *_: None
    first = client.speak(headers=KEY)
    client.parts.idempotency.keep = keep
    again = client.speak(headers=KEY)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    client.parts.clock.advance(RESERVED_SECONDS + client.parts.settings.voice_url_timeout_seconds)
    late = client.speak(headers=KEY)
    assert {answer.json()["job_id"] for answer in (again, late)} == {first.json()["job_id"]}


def test_what_was_made_before_a_fault_of_ours_is_found(client: Client) -> None:
    async def make(job_id: str) -> Job:
        add_job(client.parts, id=job_id)
        raise RuntimeError

    def once() -> tuple[Job, bool]:
        keys = Idempotency(client.parts)
        return asyncio.run(keys.once("anonymous", "once", "the same", make, client.parts.jobs.get))

    with pytest.raises(RuntimeError):
        once()
    job, replayed = once()
    assert (job, replayed) == (client.parts.jobs.get(job.id), True)


def test_what_a_store_wrote_that_went_away_before_it_said_so_is_found_and_can_be_spoken(client: Client) -> None:
    jobs = client.parts.jobs
    add, remove, get = jobs.add, jobs.remove, jobs.get

    def away(*_: object) -> None:
        raise JobStoreUnavailable("Away.")

    def add_and_go_away(*args: object, **options: object) -> None:
        add(*args, **options)
        jobs.remove = jobs.get = away
        away()

    jobs.add = add_and_go_away
    assert client.speak(headers=KEY).status_code == 503
    jobs.add, jobs.remove, jobs.get = add, remove, get
    again = client.speak(headers=KEY)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    job = jobs.get(again.json()["job_id"])
    assert client.parts.blobs.get(job.input.reference_key) == REFERENCE
    assert [found.id for found in jobs.page(job.owner, limit=10).jobs] == [job.id]


def test_a_key_is_forgotten_after_its_time(make_client) -> None:
    client = make_client(idempotency_seconds=60)
    first = client.speak(headers=KEY).json()["job_id"]
    client.parts.clock.advance(59)
    assert client.speak(headers=KEY).json()["job_id"] == first
    client.parts.clock.advance(1)
    assert client.speak(headers=KEY).json()["job_id"] != first


def test_keys_of_two_tenants_never_meet(locked: Client) -> None:
    jobs = {locked.speak(headers=KEY | bearer(key)).json()["job_id"] for key in (ALICE, BOB, ALICE, BOB)}
    assert len(jobs) == 2


def test_a_job_that_was_deleted_stays_deleted(client: Client) -> None:
    job_id = client.speak(headers=KEY).json()["job_id"]
    client.delete(f"/jobs/{job_id}")
    assert client.speak(headers=KEY).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "é"])
def test_not_every_key_is_one(client: Client, key: str) -> None:
    answer = client.speak(headers={"Idempotency-Key": key.encode("latin-1")})
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/field-invalid", "Idempotency-Key")
    assert not client.parts.queue.sent


def test_a_store_of_keys_that_is_away_refuses_before_anything_is_made(client: Client) -> None:
    client.parts.idempotency.down = True
    assert client.speak(headers=KEY).status_code == 503
    assert not client.parts.queue.sent


def test_one_that_goes_away_in_between_costs_no_job(client: Client) -> None:
    def away(*_: object) -> None:
        raise JobStoreUnavailable("Away.")

    client.parts.idempotency.keep = client.parts.idempotency.free = away
    assert client.speak(headers=KEY).status_code == 202
    assert client.speak(headers={"Idempotency-Key": "other"}, voice=b"no audio").status_code == 400
