"""`/batches`: many texts of one request, all taken or none."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from services.shared.errors import JobStoreUnavailable, TooManyJobs
from services.shared.job import Job, JobFault, JobStatus, fail, reference_key
from services.shared.signing import new_secret
from services.shared.testing.voices import make_voice
from services.shared.voice import Voice
from tests.unit.api.client import ALICE, BOB, REFERENCE, REFERENCE_TEXT, Client, bearer, run_job, start_job

MakeClient = Callable[..., Client]

FAULT = JobFault("engine-failed", "The engine failed", "It did.")


def store(client: Client, name: str = "Anna", owner: str = "anonymous") -> Voice:
    voice = make_voice(client.parts.clock(), name=name, owner=owner)
    client.parts.voices.add(voice, limit=100)
    return voice


def send(client: Client, items: Sequence[Any], *, headers: dict[str, str] | None = None, **shared: Any) -> Any:
    return client.post("/batches", json={"items": list(items), **shared}, headers=headers)


def upload(client: Client, lines: bytes, recording: bytes = REFERENCE, **fields: str) -> httpx.Response:
    files = {"items": ("items.jsonl", lines, "application/jsonl"), "voice": ("voice.wav", recording, "audio/wav")}
    return client.post("/batches", data={"ref_text": REFERENCE_TEXT, **fields}, files=files)


def jobs_of(client: Client, answer: httpx.Response) -> list[Job]:
    assert answer.status_code == 202, answer.text
    entries = client.parts.batches.entries(answer.json()["batch_id"], 0, 1_000)
    return [entry.job for entry in entries if entry.job is not None]


def assert_problem(answer: httpx.Response, status: int, slug: str, field: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["type"], body.get("field")) == (status, f"/problems/{slug}", field), answer.text
    return body


def nothing_was_made(client: Client) -> bool:
    listed = client.get("/jobs").json()["jobs"] + client.get("/batches").json()["batches"]
    return not (listed or client.parts.blobs.blobs or client.parts.queue.sent)


# --- submitting ------------------------------------------------------------------------------------


def test_answers_a_batch_whose_jobs_are_queued_in_order(client: Client) -> None:
    voice = store(client)
    answer = send(client, [{"text": f"Number {n}.", "custom_id": f"n-{n}"} for n in range(3)], voice_id=voice.id)
    body = answer.json()
    path = f"/batches/{body['batch_id']}"
    assert (answer.status_code, answer.headers["location"], answer.headers["cache-control"]) == (202, path, "no-store")
    assert (body["status"], body["completed_at"], body["cancel_requested"]) == ("queued", None, False)
    counts = {"queued": 3, "processing": 0, "succeeded": 0, "failed": 0, "canceled": 0, "expired": 0, "total": 3}
    assert body["counts"] == counts
    assert body["urls"] == {"self": path, "results": f"{path}/results", "cancel": f"{path}/cancel"}
    jobs = jobs_of(client, answer)
    assert [job.input.text for job in jobs] == ["Number 0.", "Number 1.", "Number 2."]
    assert client.parts.queue.sent == [job.id for job in jobs]
    shown = client.get(f"/jobs/{jobs[1].id}").json()
    assert (shown["batch_id"], shown["custom_id"], shown["input"]["voice_id"]) == (body["batch_id"], "n-1", voice.id)


def test_an_item_goes_by_the_batch_unless_it_says_otherwise(client: Client) -> None:
    anna, ben = store(client), store(client, "Ben")
    items = [{"text": "One."}, {"text": "Two.", "speed": 0.8, "preset": "fast", "voice_id": ben.id, "format": "flac"}]
    answer = send(client, items, voice_id=anna.id, speed=1.5, nfe_step=20, format="mp3", seed=7)
    one, two = (job.input for job in jobs_of(client, answer))
    assert (one.speed, one.nfe_step, one.format, one.seed, one.voice_id) == (1.5, 20, "mp3", 7, anna.id)
    assert (two.speed, two.nfe_step, two.format, two.seed, two.voice_id) == (0.8, 7, "flac", 7, ben.id)
    assert (two.reference_key, two.ref_text) == (ben.sample.key, ben.ref_text)


def test_each_item_may_bring_its_own_voice(client: Client) -> None:
    voice = store(client)
    answer = send(client, [{"text": "One.", "voice_id": voice.id}])
    assert [job.input.voice_id for job in jobs_of(client, answer)] == [voice.id]


def test_voices_are_named_by_name_or_id(client: Client) -> None:
    anna, ben = store(client), store(client, "Ben")
    items = [{"text": "One."}, {"text": "Two.", "voice_id": "BEN"}, {"text": "Three.", "voice_id": ben.id}]
    jobs = jobs_of(client, send(client, items, voice_id="anna"))
    assert [job.input.voice_id for job in jobs] == [anna.id, ben.id, ben.id]


def test_the_bundled_voice_for_all_is_stored_once(client: Client) -> None:
    items = [{"text": "One."}, {"text": "Two.", "voice_id": "sample"}, {"text": "Three.", "voice_id": store(client).id}]
    jobs = jobs_of(client, send(client, items, voice_id="sample"))
    assert [job.input.voice_id for job in jobs] == [None, None, jobs[2].input.voice_id]
    assert [*client.parts.blobs.blobs] == [jobs[0].input.reference_key]
    assert jobs[0].input.reference_key == jobs[1].input.reference_key != jobs[2].input.reference_key


def test_an_item_in_the_bundled_voice_beside_a_recording(client: Client) -> None:
    answer = upload(client, b'{"text": "One."}\n{"text": "Two.", "voice_id": "sample"}')
    one, two = (job.input for job in jobs_of(client, answer))
    assert (one.ref_text, two.ref_text) == (REFERENCE_TEXT, "I know that you can hear the sound of my voice.")
    assert client.parts.blobs.get(one.reference_key) == REFERENCE
    assert hashlib.sha256(client.parts.blobs.get(two.reference_key)).hexdigest() == two.reference_sha256
    assert client.delete(answer.headers["location"]).status_code == 204
    assert not client.parts.blobs.blobs


def test_a_voice_of_ones_own_wins_over_the_bundled_one(client: Client) -> None:
    mine = store(client, "sample")
    jobs = jobs_of(client, send(client, [{"text": "One."}, {"text": "Two.", "voice_id": "sample"}], voice_id="sample"))
    assert [job.input.voice_id for job in jobs] == [mine.id] * 2


def test_recordings_go_with_the_last_of_the_jobs(client: Client) -> None:
    answer = upload(client, b'{"text": "One."}\n{"text": "Two.", "voice_id": "sample"}')
    one, two = jobs_of(client, answer)
    client.post(f"/jobs/{one.id}/cancel")
    assert set(client.parts.blobs.blobs) == {one.input.reference_key, two.input.reference_key}
    client.post(f"/jobs/{two.id}/cancel")
    assert not client.parts.blobs.blobs


def test_json_lines_bring_a_recording_that_is_stored_once(client: Client) -> None:
    lines = b'{"text": "One."}\n\n  {"text": "Two.", "custom_id": "2"}\r\n{"text": "Three."}'
    answer = upload(client, lines, speed="1.25")
    jobs = jobs_of(client, answer)
    key = reference_key(answer.json()["batch_id"])
    assert {job.input.reference_key for job in jobs} == {key}
    assert client.parts.blobs.blobs == {key: (REFERENCE, "binary/octet-stream")}
    assert [(job.input.text, job.custom_id, job.input.speed) for job in jobs] == [
        ("One.", None, 1.25),
        ("Two.", "2", 1.25),
        ("Three.", None, 1.25),
    ]
    assert {job.input.ref_text for job in jobs} == {REFERENCE_TEXT}


def test_a_recording_may_lie_under_a_url(client: Client) -> None:
    client.parts.outbound.pages["https://voices.test/anna.wav"] = REFERENCE
    answer = send(client, [{"text": "One."}], voice_url="https://voices.test/anna.wav", ref_text=REFERENCE_TEXT)
    assert client.parts.blobs.get(jobs_of(client, answer)[0].input.reference_key) == REFERENCE


def test_a_webhook_is_told_of_each_job(make_client: MakeClient) -> None:
    client = make_client(webhook_secret=new_secret())
    answer = send(client, [{"text": "One."}] * 2, voice_id=store(client).id, webhook_url="https://receiver.test/hook")
    assert [job.webhook_url for job in jobs_of(client, answer)] == ["https://receiver.test/hook"] * 2
    assert_problem(
        send(client, [{"text": "One."}], voice_id=store(client, "Ben").id, webhook_url="http://127.0.0.1/"),
        422,
        "url-refused",
        "webhook_url",
    )


def test_the_same_key_makes_one_batch(client: Client) -> None:
    voice_id, key = store(client).id, {"Idempotency-Key": "once"}
    first, again = (send(client, [{"text": "One."}], voice_id=voice_id, headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(client.parts.queue.sent) == 1
    other = send(client, [{"text": "Two."}], voice_id=voice_id, headers=key)
    assert_problem(other, 422, "idempotency-key-reused", "Idempotency-Key")


def test_a_queue_that_is_away_only_delays(client: Client) -> None:
    client.parts.queue.down = True
    jobs = jobs_of(client, send(client, [{"text": "One."}, {"text": "Two."}], voice_id=store(client).id))
    assert [(job.status, job.enqueued_at) for job in jobs] == [(JobStatus.QUEUED, None)] * 2


def test_a_store_that_is_away_leaves_nothing(client: Client) -> None:
    add = client.parts.batches.add

    def half_an_answer(*args: Any, **options: Any) -> None:
        add(*args, **options)
        client.parts.batches.add = add
        raise JobStoreUnavailable("The answer was lost.")

    client.parts.batches.add = half_an_answer
    assert_problem(upload(client, b'{"text": "One."}\n{"text": "Two."}'), 503, "job-store-unavailable")
    assert nothing_was_made(client)


def test_a_batch_that_cannot_be_taken_back_stays_whole(client: Client) -> None:
    add = client.parts.batches.add

    def away(*args: Any, **options: Any) -> None:
        raise JobStoreUnavailable("Away.")

    def add_and_go_away(*args: Any, **options: Any) -> None:
        add(*args, **options)
        client.parts.batches.remove = away
        away()

    client.parts.batches.add = add_and_go_away
    assert_problem(upload(client, b'{"text": "One."}\n{"text": "Two."}'), 503, "job-store-unavailable")
    (batch,) = client.get("/batches").json()["batches"]
    assert batch["counts"]["queued"] == 2
    assert client.parts.blobs.get(reference_key(batch["batch_id"])) == REFERENCE


def test_a_refused_batch_costs_no_trip_for_each_of_its_jobs(client: Client) -> None:
    removed: list[str] = []

    def refuse(*_: Any, **__: Any) -> None:
        raise TooManyJobs("Two more are too many.")

    client.parts.batches.add, client.parts.jobs.remove = refuse, removed.append
    assert_problem(upload(client, b'{"text": "One."}\n{"text": "Two."}'), 429, "job-limit-reached")
    assert not removed
    assert nothing_was_made(client)


# --- refusals --------------------------------------------------------------------------------------


def test_every_wrong_line_is_told_by_its_number_and_nothing_is_made(client: Client) -> None:
    good = '{"text": "Fine.", "custom_id": "a"}'
    wrong = [
        ('{"text": "Fast.", "speed": 9}', "field-invalid", "speed"),
        ("{not json", "json-malformed", None),
        ('["a list"]', "json-malformed", None),
        ('{"text": " "}', "text-empty", "text"),
        ("{}", "field-invalid", "text"),
        ('{"text": "Loud.", "volume": 11}', "field-invalid", "volume"),
        ('{"text": "Mine?", "voice_id": "nobody"}', "voice-not-found", "voice_id"),
        ('{"text": "Twice.", "custom_id": "a"}', "field-invalid", "custom_id"),
        ('{"text": "Bits.", "format": "mp3", "bit_depth": 24}', "field-invalid", "bit_depth"),
    ]
    lines = "\n".join([good, "", *(line for line, _, _ in wrong), '{"text": "Fine too."}'])
    body = assert_problem(upload(client, lines.encode()), 422, "batch-items-invalid", "items")
    told = [(one["line"], one["type"].removeprefix("/problems/"), one.get("field")) for one in body["errors"]]
    assert told == [(number, slug, field) for number, (_, slug, field) in enumerate(wrong, 3)]
    assert all(one["detail"] for one in body["errors"])
    assert body["errors"][0]["accepted"] == "a number from 0.5 to 2"
    assert nothing_was_made(client)


def test_at_most_a_hundred_wrong_items_are_told(client: Client) -> None:
    body = assert_problem(send(client, [{}] * 300, voice_id=store(client).id), 422, "batch-items-invalid", "items")
    assert [one["line"] for one in body["errors"]] == list(range(1, 101))


def test_limits(make_client: MakeClient) -> None:
    client = make_client(max_batch_items=3, max_batch_characters=20)
    voice_id = store(client).id
    assert send(client, [{"text": "12345"}] * 3, voice_id=voice_id).status_code == 202
    many = send(client, [{"text": "12345"}] * 4, voice_id=voice_id)
    assert assert_problem(many, 413, "payload-too-large", "items")["detail"] == "The batch has more than 3 items."
    long = send(client, [{"text": "1234567"}] * 3, voice_id=voice_id)
    assert_problem(long, 413, "payload-too-large", "items")
    line = json.dumps({"text": "x" * 300_000}).encode()
    assert "Line 2" in assert_problem(upload(client, b"{}\n" + line), 413, "payload-too-large", "items")["detail"]


@pytest.mark.parametrize(
    ("shared", "slug", "field"),
    [
        ({}, "batch-items-invalid", "items"),
        ({"ref_text": "What?"}, "field-invalid", "voice_id"),
        ({"voice_id": None}, "batch-items-invalid", "items"),
        ({"voice_id": "x", "voice_url": "https://voices.test/anna.wav"}, "field-invalid", "voice_url"),
        ({"voice_id": "x", "ref_text": "What?"}, "field-invalid", "voice_id"),
        ({"speed": 9}, "field-invalid", "speed"),
        ({"mode": "sync"}, "field-invalid", "mode"),
    ],
)
def test_what_is_wrong_for_all_is_told_once(client: Client, shared: dict[str, Any], slug: str, field: str) -> None:
    assert_problem(send(client, [{"text": "One."}], **shared), 422, slug, field)
    assert nothing_was_made(client)


def test_a_batch_of_nothing(client: Client) -> None:
    voice_id = store(client).id
    assert_problem(send(client, [], voice_id=voice_id), 422, "field-invalid", "items")
    assert_problem(upload(client, b"\n\n"), 422, "field-invalid", "items")
    assert_problem(client.post("/batches", json={"voice_id": voice_id}), 422, "field-invalid", "items")
    assert_problem(client.post("/batches", json={"items": "One."}), 422, "field-invalid", "items")
    assert_problem(
        client.post("/batches", files={"voice": ("voice.wav", REFERENCE, "audio/wav")}), 422, "field-invalid", "items"
    )
    assert_problem(client.post("/batches", json=[]), 400, "json-malformed")
    other = client.post("/batches", content=b"x", headers={"content-type": "a/b"})
    assert "json" in assert_problem(other, 415, "media-type-unsupported")["accepted"]
    assert "form" in other.json()["accepted"]


def test_an_unknown_voice_and_a_recording_of_nothing(client: Client) -> None:
    assert_problem(send(client, [{"text": "One."}], voice_id="nobody"), 404, "voice-not-found", "voice_id")
    noise = upload(client, b'{"text": "One."}', recording=b"RIFF")
    assert_problem(noise, 400, "audio-undecodable", "voice")
    assert nothing_was_made(client)


# --- results ---------------------------------------------------------------------------------------


def test_results_tell_of_every_item(client: Client) -> None:
    items = [{"text": text, "custom_id": text} for text in ("made", "failed", "gone", "waiting")]
    answer = send(client, items, voice_id=store(client).id)
    made, failed, gone, waiting = jobs_of(client, answer)
    run_job(client.parts, made)
    running = start_job(client.parts, failed)
    client.parts.jobs.replace(running, fail(running, running.attempt, FAULT, client.parts.clock()))
    client.delete(f"/jobs/{gone.id}")
    path = answer.headers["location"]
    body = client.get(f"{path}/results").json()
    told = [(one["custom_id"], one["job_id"], one["status"]) for one in body["results"]]
    assert told == [
        ("made", made.id, "succeeded"),
        ("failed", failed.id, "failed"),
        ("gone", gone.id, None),
        ("waiting", waiting.id, "queued"),
    ]
    assert client.parts.blobs.fetch(body["results"][0]["result_url"]) == b"RIFF-audio"
    assert body["results"][1]["error"]["type"] == "/problems/engine-failed"
    batch = client.get(path).json()
    assert batch["status"] == "processing"
    assert {name: count for name, count in batch["counts"].items() if count} == {
        "succeeded": 1, "failed": 1, "canceled": 1, "queued": 1, "total": 4,
    }  # fmt: skip


def test_results_come_in_pages_or_as_lines(client: Client) -> None:
    items = [{"text": "x", "custom_id": f"{n}"} for n in range(250)]
    path = send(client, items, voice_id=store(client).id).headers["location"]
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{path}/results?limit=100" + (f"&cursor={cursor}" if cursor else "")).json()
        found += page["results"]
        cursor = page["next_cursor"]
    assert [one["custom_id"] for one in found] == [f"{n}" for n in range(250)]
    lines = client.get(f"{path}/results?format=jsonl")
    assert lines.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line) for line in lines.text.splitlines()] == found
    assert_problem(client.get(f"{path}/results?cursor=-1"), 422, "field-invalid", "cursor")


def test_a_batch_is_completed_when_its_last_job_ends_and_then_its_recording_goes(client: Client) -> None:
    answer = upload(client, b'{"text": "One."}\n{"text": "Two."}\n{"text": "Three."}')
    one, two, three = jobs_of(client, answer)
    key = reference_key(answer.json()["batch_id"])
    client.post(f"/jobs/{one.id}/cancel")
    client.delete(f"/jobs/{two.id}")
    assert key in client.parts.blobs.blobs
    client.parts.clock.advance(5)
    client.post(f"/jobs/{three.id}/cancel")
    assert key not in client.parts.blobs.blobs
    body = client.get(answer.headers["location"]).json()
    assert (body["status"], body["counts"]["canceled"]) == ("completed", 3)
    assert body["completed_at"] > body["created_at"]


# --- canceling and deleting ------------------------------------------------------------------------


def test_canceling_stops_what_has_not_ended(client: Client) -> None:
    answer = upload(client, b'{"text": "One."}\n{"text": "Two."}\n{"text": "Three."}')
    path = answer.headers["location"]
    one, two, three = jobs_of(client, answer)
    run_job(client.parts, one)
    start_job(client.parts, two)
    asked = client.post(f"{path}/cancel")
    assert (asked.status_code, asked.json()["cancel_requested"]) == (202, True)
    assert client.parts.jobs.get(two.id).cancel_requested
    assert client.parts.jobs.get(three.id).status is JobStatus.CANCELED
    client.delete(f"/jobs/{two.id}")
    body = client.get(path).json()
    assert (body["status"], body["counts"]["succeeded"], body["counts"]["canceled"]) == ("canceled", 1, 2)
    assert not any(key.startswith("inputs/") for key in client.parts.blobs.blobs)
    assert_problem(client.post(f"{path}/cancel"), 409, "job-state-conflict")


def test_canceling_what_only_waits_is_done_at_once(client: Client) -> None:
    path = send(client, [{"text": "One."}] * 3, voice_id=store(client).id).headers["location"]
    answer = client.post(f"{path}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


def test_deleting_takes_everything_along(client: Client) -> None:
    kept = client.speak().json()["job_id"]
    before = dict(client.parts.blobs.blobs)
    answer = upload(client, b'{"text": "One."}\n{"text": "Two."}\n{"text": "Three."}')
    one, two, _ = jobs_of(client, answer)
    run_job(client.parts, one)
    start_job(client.parts, two)
    assert client.delete(answer.headers["location"]).status_code == 204
    assert client.parts.blobs.blobs == before
    assert [job["job_id"] for job in client.get("/jobs").json()["jobs"]] == [kept]
    assert_problem(client.get(answer.headers["location"]), 404, "batch-not-found")


def test_deleting_more_than_one_request_can_is_asked_for_again(client: Client) -> None:
    path = send(client, [{"text": "x"}] * 3, voice_id=store(client).id).headers["location"]
    client.app.state.api.batcher._max_deleted_jobs = 2
    assert_problem(client.delete(path), 503, "deletion-unfinished")
    assert client.delete(path).status_code == 204
    assert client.get("/jobs").json()["jobs"] == []


# --- whose ------------------------------------------------------------------------------------------


def test_lists_ones_own_newest_first(locked: Client) -> None:
    paths = []
    for _ in range(3):
        voice_id = store(locked, f"{locked.parts.clock()}", "alice").id
        paths.append(send(locked, [{"text": "x"}], voice_id=voice_id, headers=bearer(ALICE)).headers["location"])
        locked.parts.clock.advance(1)
    page = locked.get("/batches?limit=2", headers=bearer(ALICE)).json()
    rest = locked.get(f"/batches?limit=2&cursor={page['next_cursor']}", headers=bearer(ALICE)).json()
    assert [one["urls"]["self"] for one in page["batches"] + rest["batches"]] == paths[::-1]
    assert rest["next_cursor"] is None
    assert locked.get("/batches", headers=bearer(BOB)).json()["batches"] == []
    assert_problem(locked.get("/batches?cursor=nonsense", headers=bearer(ALICE)), 422, "field-invalid", "cursor")


def test_anothers_batch_and_voice_do_not_exist(locked: Client) -> None:
    voice_id = store(locked, owner="alice").id
    path = send(locked, [{"text": "x"}], voice_id=voice_id, headers=bearer(ALICE)).headers["location"]
    ghost = "/batches/" + "0" * 32
    for method, end in (("GET", ""), ("GET", "/results"), ("POST", "/cancel"), ("DELETE", "")):
        his = locked.request(method, path + end, headers=bearer(BOB))
        nobodys = locked.request(method, ghost + end, headers=bearer(BOB))
        assert_problem(his, 404, "batch-not-found")
        assert his.json()["detail"] == nobodys.json()["detail"]
        assert locked.request(method, path + end).status_code == 401
    assert locked.get(path, headers=bearer(ALICE)).json()["counts"]["queued"] == 1
    for named in (voice_id, "Anna"):
        theirs = send(locked, [{"text": "x"}], voice_id=named, headers=bearer(BOB))
        assert_problem(theirs, 404, "voice-not-found", "voice_id")
