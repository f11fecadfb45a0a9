"""`/voices`: the speaker library, and speaking from it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import httpx
import numpy as np
import pytest
from structlog.testing import capture_logs

from f5_tts_core.testing import speech_like, wav_bytes
from services.api.voices.library import VoiceLibrary
from services.shared.job import JobStatus
from services.shared.testing.voices import make_voice
from services.shared.voice import consent_key, sample_key
from tests.unit.api.client import ALICE, BOB, REFERENCE, REFERENCE_TEXT, Client, add_job, bearer, run_job, start_job
from tests.uploads import UPLOADS, Upload

MakeClient = Callable[..., Client]

CONSENT = "It is my own voice."
SAMPLE = files("f5_tts_core") / "assets" / "sample"


def add(client: Client, *, headers: dict[str, str] | None = None, **parts: str | bytes | None) -> httpx.Response:
    """`POST /voices` with what a well-behaved client sends, but for what is given; None leaves a part out."""
    given = {"name": "Anna", "ref_text": REFERENCE_TEXT, "consent": CONSENT, "sample": REFERENCE, **parts}
    files = {
        name: (f"{name}.wav", value) if isinstance(value, bytes) else (None, value)
        for name, value in given.items()
        if value is not None
    }
    return client.post("/voices", files=files, headers=headers)


def added(client: Client, **parts: Any) -> dict[str, Any]:
    answer = add(client, **parts)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


def patch(client: Client, voice_id: str, **change: Any) -> httpx.Response:
    return client.request("PATCH", f"/voices/{voice_id}", json=change)


def speak(
    client: Client, headers: dict[str, str] | None = None, *, route: str = "/tts", **fields: str
) -> httpx.Response:
    files = {name: (None, value) for name, value in {"text": "Hello there.", **fields}.items()}
    return client.post(route, files=files, headers=headers)


def assert_problem(answer: httpx.Response, status: int, kind: str, field: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["type"], body.get("field")) == (status, f"/problems/{kind}", field)
    assert body["detail"]
    return body


# --- storing ---------------------------------------------------------------------------------------


def test_a_voice_is_stored_examined_and_shown(client: Client) -> None:
    answer = add(client, language="en-GB", labels='{"mood": "calm"}', name="  Anna  ")
    view = answer.json()
    path = f"/voices/{view['voice_id']}"
    assert (answer.status_code, answer.headers["location"], answer.headers["cache-control"]) == (201, path, "no-store")
    assert (view["name"], view["language"], view["labels"]) == ("Anna", "en-GB", {"mood": "calm"})
    assert view["ref_text"] == REFERENCE_TEXT
    assert view["created_at"] == view["updated_at"] == "2027-01-15T08:00:00Z"
    assert view["consent"] == {"statement": CONSENT, "given_at": "2027-01-15T08:00:00Z", "recorded": False}
    assert view["sample"] == {
        "sha256": hashlib.sha256(REFERENCE).hexdigest(),
        "bytes": len(REFERENCE),
        "duration_s": 2.5,
        "sample_rate": 24_000,
    }
    assert view["urls"] == {"self": path, "sample": f"{path}/sample", "consent": None}
    assert client.parts.blobs.get(sample_key(view["voice_id"])) == REFERENCE
    assert client.get(path).json() == view


def test_the_report_tells_of_the_sample(client: Client) -> None:
    noise = np.random.default_rng(1).normal(0, 10 ** (-38 / 20), 6 * 24_000)
    report = added(client, sample=wav_bytes(speech_like(6.0).samples + noise), ref_text=REFERENCE_TEXT * 2)["report"]
    assert report["noise_db"] == pytest.approx(-38, abs=1)
    assert report["snr_db"] < 20
    assert (report["transcript_fit"], report["cut_s"], report["clipped_share"]) == ("plausible", 0.0, 0.0)
    assert report["used_s"] == pytest.approx(6.0, abs=0.1)
    assert any("quieter room" in line for line in report["advice"])


def test_the_consent_may_be_recorded(client: Client) -> None:
    recording = wav_bytes(speech_like(2.0, seed=9))
    view = added(client, consent_recording=recording)
    assert (view["consent"]["recorded"], view["urls"]["consent"]) == (True, f"/voices/{view['voice_id']}/consent")
    answer = client.get(view["urls"]["consent"])
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    assert client.parts.blobs.fetch(answer.headers["location"]) == recording


def test_the_way_to_the_sample(client: Client) -> None:
    view = added(client)
    answer = client.get(view["urls"]["sample"])
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    assert f"{view['voice_id']}.wav" in answer.headers["location"]
    assert client.parts.blobs.fetch(answer.headers["location"]) == REFERENCE
    assert_problem(client.get(f"/voices/{view['voice_id']}/consent"), 404, "consent-not-recorded")


def test_the_transcript_may_be_left_to_the_worker(make_client: MakeClient) -> None:
    client = make_client(transcriber="pocketsphinx")
    view = added(client, ref_text=None)
    assert (view["ref_text"], view["report"]["transcript_fit"]) == (None, None)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "An\nna"}, "name"),
        ({"consent": None}, "consent"),
        ({"consent": ""}, "consent"),
        ({"consent": "x" * 2_001}, "consent"),
        ({"language": "English!"}, "language"),
        ({"labels": "calm"}, "labels"),
        ({"labels": '["calm"]'}, "labels"),
        ({"labels": '{"mood": 1}'}, "labels"),
        ({"labels": json.dumps({str(number): "" for number in range(17)})}, "labels"),
        ({"labels": json.dumps({"x" * 65: ""})}, "labels"),
        ({"labels": json.dumps({"mood": "x" * 257})}, "labels"),
        ({"sample": None}, "sample"),
        ({"sample": "text"}, "sample"),
        ({"consent_recording": "text"}, "consent_recording"),
        ({"mood": "calm"}, "mood"),
    ],
)
def test_a_field_that_is_wrong(client: Client, parts: dict[str, Any], field: str) -> None:
    assert_problem(add(client, **parts), 422, "field-invalid", field)
    assert not client.parts.blobs.blobs


def test_a_transcript_that_is_wrong(client: Client) -> None:
    assert_problem(add(client, ref_text="so quickly " * 30), 422, "transcript-mismatch", "ref_text")
    assert_problem(add(client, ref_text=None), 422, "transcript-needed", "ref_text")
    assert_problem(add(client, ref_text="x" * 1_001), 422, "text-too-long", "ref_text")


@pytest.mark.parametrize("upload", [upload for upload in UPLOADS if upload.expected is not None][::4], ids=str)
@pytest.mark.parametrize("part", ["sample", "consent_recording"])
def test_bad_audio_gets_its_own_message_and_is_not_kept(client: Client, upload: Upload, part: str) -> None:
    assert upload.expected is not None
    body = assert_problem(add(client, **{part: upload.make()}), 400, upload.expected.type, part)
    assert "channels" in body["accepted"]
    assert not client.parts.blobs.blobs


def test_a_sample_over_the_limit(make_client: MakeClient) -> None:
    client = make_client(max_upload_bytes=len(REFERENCE))
    assert add(client).status_code == 201
    assert_problem(add(client, name="Bert", sample=REFERENCE + b"\0"), 413, "payload-too-large", "sample")


def test_both_files_share_one_limit(make_client: MakeClient) -> None:
    client = make_client(max_upload_bytes=2_000_000)
    padded = REFERENCE + bytes(1_800_000 - len(REFERENCE))
    assert add(client, sample=padded).status_code == 201
    assert_problem(add(client, name="Bert", sample=padded, consent_recording=padded), 413, "payload-too-large")


def test_a_name_is_taken_once(client: Client) -> None:
    added(client, name="Anna")
    body = assert_problem(add(client, name="ANNA"), 409, "voice-name-taken")
    assert "ANNA" in body["detail"]
    assert len(client.parts.blobs.blobs) == 1


def test_no_more_voices_than_the_setting(make_client: MakeClient) -> None:
    client = make_client(max_voices=1)
    voice_id = added(client, name="Anna")["voice_id"]
    assert "1 voice" in assert_problem(add(client, name="Bert"), 409, "voice-limit-reached")["detail"]
    assert len(client.parts.blobs.blobs) == 1
    client.delete(f"/voices/{voice_id}")
    assert add(client, name="Bert").status_code == 201


@pytest.mark.parametrize(("part", "kind"), [("voices", "job-store"), ("blobs", "blob-store")])
def test_a_store_that_is_away_refuses_and_leaves_nothing(client: Client, part: str, kind: str) -> None:
    getattr(client.parts, part).down = True
    assert_problem(add(client), 503, f"{kind}-unavailable")
    getattr(client.parts, part).down = False
    assert not client.parts.blobs.blobs
    assert client.get("/voices").json() == {"voices": [], "next_cursor": None}


# --- listing and reading ----------------------------------------------------------------------------


def test_pages_newest_first(client: Client) -> None:
    ids = []
    for number in range(3):
        ids.append(added(client, name=f"Voice {number}")["voice_id"])
        client.parts.clock.advance(1)
    first = client.get("/voices", params={"limit": 2}).json()
    rest = client.get("/voices", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [voice["voice_id"] for voice in first["voices"] + rest["voices"]] == ids[::-1]
    assert rest["next_cursor"] is None


def test_finds_by_name(client: Client) -> None:
    view = added(client, name="Anna")
    assert client.get("/voices", params={"name": "ANNA"}).json()["voices"] == [view]
    assert client.get("/voices", params={"name": ""}).json()["voices"] == []
    assert client.get("/voices", params={"name": "Ann"}).json()["voices"] == []


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "101"), ("cursor", "?"), ("name", "x" * 65)])
def test_refuses_what_is_no_page(client: Client, name: str, value: str) -> None:
    assert_problem(client.get("/voices", params={name: value}), 422, "field-invalid", name)


def test_an_unknown_voice(client: Client) -> None:
    assert_problem(client.get("/voices/0123"), 404, "voice-not-found")


# --- changing --------------------------------------------------------------------------------------


def test_changes_what_is_given_and_nothing_else(client: Client) -> None:
    view = added(client, language="en", labels='{"mood": "calm"}')
    client.parts.clock.advance(60)
    changed = patch(client, view["voice_id"], name="Bert", labels={"pace": "slow"}).json()
    expected = {"name": "Bert", "labels": {"pace": "slow"}, "updated_at": "2027-01-15T08:01:00Z"}
    assert changed == {**view, **expected}
    assert patch(client, view["voice_id"], language=None).json()["language"] is None
    assert client.get("/voices", params={"name": "anna"}).json()["voices"] == []


def test_an_empty_change_changes_nothing(client: Client) -> None:
    view = added(client)
    client.parts.clock.advance(60)
    assert patch(client, view["voice_id"]).json() == view


def test_a_new_transcript_is_held_against_the_sample(client: Client) -> None:
    view = added(client)
    changed = patch(client, view["voice_id"], ref_text="This is what it says.").json()
    assert changed["report"]["speech_rate"] < view["report"]["speech_rate"]
    assert_problem(patch(client, view["voice_id"], ref_text="so quickly " * 30), 422, "transcript-mismatch", "ref_text")
    assert_problem(patch(client, view["voice_id"], ref_text=None), 422, "transcript-needed", "ref_text")
    assert client.get(f"/voices/{view['voice_id']}").json() == changed


def test_a_change_that_others_get_in_between_of_is_made_on_theirs(client: Client) -> None:
    view = added(client)
    store = client.parts.voices
    theirs = store.replace

    def interfere(old: Any, new: Any) -> Any:
        store.replace = theirs
        theirs(old, replace(old, labels={"by": "another"}))
        return theirs(old, new)

    store.replace = interfere
    changed = patch(client, view["voice_id"], name="Bert").json()
    assert (changed["name"], changed["labels"]) == ("Bert", {"by": "another"})


def test_a_name_that_another_has(client: Client) -> None:
    added(client, name="Anna")
    bert = added(client, name="Bert")
    assert_problem(patch(client, bert["voice_id"], name="anna"), 409, "voice-name-taken")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind", "field"),
    [
        (b'{"name": null}', "application/json", 422, "field-invalid", "name"),
        (b'{"name": ""}', "application/json", 422, "field-invalid", "name"),
        (b'{"labels": {"a": 1}}', "application/json", 422, "field-invalid", "labels"),
        (b'{"labels": null}', "application/json", 422, "field-invalid", "labels"),
        (b'{"owner": "me"}', "application/json", 422, "field-invalid", "owner"),
        (b'{"ref_text": "\\ud800"}', "application/json", 400, "json-malformed", None),
        (b"[]", "application/json", 400, "json-malformed", None),
        (b"{", "application/json", 400, "json-malformed", None),
        (b"", "application/json; charset=utf-8", 400, "json-malformed", None),
        (b"\xff", "application/json", 400, "json-malformed", None),
        (b"name=Bert", "application/x-www-form-urlencoded", 415, "media-type-unsupported", None),
        (b'{"name": "' + b"x" * 300_000 + b'"}', "application/json", 413, "payload-too-large", None),
    ],
)
def test_a_change_that_is_wrong(
    client: Client, body: bytes, content_type: str, status: int, kind: str, field: str | None
) -> None:
    view = added(client)
    headers = {"Content-Type": content_type}
    answer = client.request("PATCH", f"/voices/{view['voice_id']}", content=body, headers=headers)
    assert assert_problem(answer, status, kind, field).get("accepted")
    assert client.get(f"/voices/{view['voice_id']}").json() == view


# --- speaking --------------------------------------------------------------------------------------


def test_a_job_takes_the_voices_sample_and_transcript(client: Client) -> None:
    view = added(client)
    answer = speak(client, voice_id=view["voice_id"], ref_text="")
    spoken = client.parts.jobs.get(answer.json()["job_id"]).input
    assert answer.status_code == 202
    assert answer.json()["input"]["voice_id"] == spoken.voice_id == view["voice_id"]
    assert (spoken.reference_key, spoken.ref_text) == (sample_key(view["voice_id"]), REFERENCE_TEXT)
    assert spoken.reference_sha256 == view["sample"]["sha256"]
    patch(client, view["voice_id"], ref_text="This is what it says.")
    assert client.parts.jobs.get(answer.json()["job_id"]).input.ref_text == REFERENCE_TEXT


@pytest.mark.parametrize("fields", [{}, {"ref_text": REFERENCE_TEXT}])
def test_a_recording_and_a_voice_are_one_too_many(client: Client, fields: dict[str, str]) -> None:
    voice_id = added(client)["voice_id"]
    files = {} if fields else {"voice": ("voice.wav", REFERENCE)}
    parts = {name: (None, value) for name, value in {"text": "Hello.", "voice_id": voice_id, **fields}.items()}
    assert_problem(client.post("/tts", files={**parts, **files}), 422, "field-invalid", "voice_id")
    assert not client.parts.queue.sent


def test_neither_recording_nor_voice(client: Client) -> None:
    assert "voice_id" in assert_problem(speak(client), 422, "field-invalid", "voice")["accepted"]


@pytest.mark.parametrize("named", ["0" * 32, "nobody", "sampl", " "])
def test_a_voice_that_there_is_not(client: Client, named: str) -> None:
    detail = assert_problem(speak(client, voice_id=named), 404, "voice-not-found", "voice_id")["detail"]
    assert f"of the name or id `{named}`" in detail
    assert not client.parts.queue.sent


def test_a_name_is_no_longer_than_one_may_be(client: Client) -> None:
    assert_problem(speak(client, voice_id="x" * 65), 422, "field-invalid", "voice_id")


@pytest.mark.parametrize("route", ["/tts", "/tts/stream", "/api/v1/tts/generate"])
def test_a_voice_is_named_by_name_or_id(make_client: MakeClient, route: str) -> None:
    client = make_client(max_wait_seconds=0.01)  # Nobody speaks what is streamed.
    view = added(client, name="Anna Müller")
    for count, named in enumerate(("Anna Müller", "ANNA MÜLLER", view["voice_id"]), 1):
        speak(client, route=route, voice_id=named)
        assert len(client.parts.queue.sent) == count
        assert client.parts.jobs.get(client.parts.queue.sent[-1]).input.voice_id == view["voice_id"]


def test_what_looks_like_an_id_is_one_first_and_a_name_where_there_is_none(client: Client) -> None:
    anna = added(client, name="Anna")["voice_id"]
    misleading, foreign = added(client, name=anna)["voice_id"], added(client, name="f" * 32)["voice_id"]
    for named, meant in ((anna, anna), (misleading, misleading), ("f" * 32, foreign)):
        assert speak(client, voice_id=named).json()["input"]["voice_id"] == meant


def test_the_store_is_asked_once_for_an_id_and_once_for_a_name(client: Client) -> None:
    voice_id, seen = added(client, name="Anna")["voice_id"], []
    store = client.parts.voices
    get, find = store.get, store.find
    store.get = lambda voice_id: (seen.append("get"), get(voice_id))[1]
    store.find = lambda owner, name: (seen.append("find"), find(owner, name))[1]
    asked = {}
    for named in (voice_id, "Anna", "sample", "nobody"):
        seen.clear()
        speak(client, voice_id=named)
        asked[named] = [*seen]
    assert asked == {voice_id: ["get"], "Anna": ["find"], "sample": ["find"], "nobody": ["find"]}


@pytest.mark.parametrize("named", ["sample", "Sample"])
def test_the_bundled_voice_is_there_from_the_start(client: Client, named: str) -> None:
    answer = speak(client, voice_id=named)
    recording, transcript = (SAMPLE / "reference.wav").read_bytes(), (SAMPLE / "reference.txt").read_text().strip()
    spoken = client.parts.jobs.get(answer.json()["job_id"]).input
    told = answer.json()["input"]
    assert (answer.status_code, told["voice_id"], told["ref_text"]) == (202, None, transcript)
    assert told["reference_sha256"] == spoken.reference_sha256 == hashlib.sha256(recording).hexdigest()
    assert client.parts.blobs.get(spoken.reference_key) == recording


def test_the_bundled_voices_copy_goes_with_its_job(client: Client) -> None:
    canceled, deleted = (speak(client, voice_id="sample").json()["job_id"] for _ in range(2))
    assert len(client.parts.blobs.blobs) == 2
    client.post(f"/jobs/{canceled}/cancel")
    client.delete(f"/jobs/{deleted}")
    assert not client.parts.blobs.blobs


def test_a_voice_of_ones_own_wins_over_the_bundled_one(client: Client) -> None:
    mine = added(client, name="Sample")["voice_id"]
    assert speak(client, voice_id="sample").json()["input"]["voice_id"] == mine


def test_the_bundled_voice_has_its_own_transcript(client: Client) -> None:
    answer = speak(client, voice_id="sample", ref_text=REFERENCE_TEXT)
    assert "has its own" in assert_problem(answer, 422, "field-invalid", "voice_id")["detail"]


def test_a_voice_whose_transcript_the_model_cannot_read(make_client: MakeClient) -> None:
    client = make_client(engine="f5", model_name="timbre-tiny")
    voice = make_voice(client.parts.clock(), ref_text="你好，世界，你好吗")
    client.parts.voices.add(voice, limit=1)
    assert_problem(speak(client, voice_id=voice.id), 422, "text-unsupported-characters", "voice_id")


def test_a_voice_stays_when_its_jobs_are_canceled_deleted_or_refused(client: Client) -> None:
    voice_id = added(client)["voice_id"]
    canceled, deleted = (speak(client, voice_id=voice_id).json()["job_id"] for _ in range(2))
    assert client.post(f"/jobs/{canceled}/cancel").json()["status"] == "canceled"
    assert client.delete(f"/jobs/{deleted}").status_code == 204
    client.parts.jobs.down = True
    assert speak(client, voice_id=voice_id).status_code == 503
    assert client.parts.blobs.get(sample_key(voice_id)) == REFERENCE


# --- deleting --------------------------------------------------------------------------------------


def test_deletes_record_sample_and_consent(client: Client) -> None:
    voice_id = added(client, consent_recording=REFERENCE)["voice_id"]
    assert consent_key(voice_id) in client.parts.blobs.blobs
    job_id = speak(client, voice_id=voice_id).json()["job_id"]
    answer = client.delete(f"/voices/{voice_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not client.parts.blobs.blobs
    assert client.get(f"/voices/{voice_id}").status_code == 404
    assert client.delete(f"/voices/{voice_id}").status_code == 404
    assert speak(client, voice_id=voice_id).status_code == 404
    assert client.parts.jobs.get(job_id).status is JobStatus.QUEUED
    added(client, name="Anna")


def test_deletes_what_was_made_with_it_too(client: Client) -> None:
    older = run_job(client.parts, add_job(client.parts))
    client.parts.clock.advance(1)
    voice_id, other_id = added(client, name="Anna")["voice_id"], added(client, name="Bert")["voice_id"]
    mine = [speak(client, voice_id=voice_id).json()["job_id"] for _ in range(4)]
    others = [speak(client, voice_id=other_id).json()["job_id"], client.speak().json()["job_id"], older.id]
    run_job(client.parts, client.parts.jobs.get(mine[0]))
    running = start_job(client.parts, client.parts.jobs.get(mine[1]))
    assert client.delete(f"/voices/{voice_id}", params={"delete_jobs": "true"}).status_code == 204
    assert {client.get(f"/jobs/{job_id}").status_code for job_id in mine} == {404}
    assert {client.get(f"/jobs/{job_id}").status_code for job_id in others} == {200}
    assert not client.parts.jobs.beat(running.id, running.attempt, progress=0.5, lease_until=0.0).owned
    assert not any(job_id in key for job_id in mine for key in client.parts.blobs.blobs)


def test_more_jobs_than_one_request_deletes(client: Client) -> None:
    voice_id = added(client)["voice_id"]
    for _ in range(5):
        speak(client, voice_id=voice_id)
    state = client.app.state.api
    client.app.state.api = replace(state, library=VoiceLibrary(client.parts, state.checks, max_deleted_jobs=2))
    answers = [client.delete(f"/voices/{voice_id}", params={"delete_jobs": "true"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 503, 204, 404]
    assert assert_problem(answers[0], 503, "deletion-unfinished")
    assert answers[0].headers["retry-after"]
    assert not client.parts.jobs.queued(10)


def test_a_deletion_that_failed_halfway_can_be_repeated(client: Client) -> None:
    voice_id = added(client)["voice_id"]
    client.parts.blobs.down = True
    assert client.delete(f"/voices/{voice_id}").status_code == 503
    client.parts.blobs.down = False
    assert client.delete(f"/voices/{voice_id}").status_code == 204


# --- who may ---------------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/voices", 415),
    ("GET", "/voices", 200),
    ("GET", "/voices/{id}", 200),
    ("PATCH", "/voices/{id}", 415),
    ("GET", "/voices/{id}/sample", 302),
    ("GET", "/voices/{id}/consent", 302),
    ("DELETE", "/voices/{id}", 204),
]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_asks_for_a_key(locked: Client, method: str, path: str, status: int) -> None:
    voice_id = added(locked, headers=bearer(ALICE), consent_recording=REFERENCE)["voice_id"]
    for headers in ({}, bearer("wrong")):
        assert_problem(locked.request(method, path.format(id=voice_id), headers=headers), 401, "unauthorized")
    assert locked.request(method, path.format(id=voice_id), headers=bearer(ALICE)).status_code == status


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES if "{id}" in path])
def test_another_tenants_voice_is_as_if_it_never_was(locked: Client, method: str, path: str) -> None:
    view = added(locked, headers=bearer(ALICE), consent_recording=REFERENCE)
    more = {"json": {"name": "Mine"}} if method == "PATCH" else {}
    foreign = locked.request(method, path.format(id=view["voice_id"]), headers=bearer(BOB), **more)
    unknown = locked.request(method, path.format(id="0" * 32), headers=bearer(BOB), **more)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"] == unknown.json()["detail"]
    assert locked.get(f"/voices/{view['voice_id']}", headers=bearer(ALICE)).json() == view


def test_nobody_speaks_in_another_tenants_voice(locked: Client) -> None:
    view = added(locked, headers=bearer(ALICE), name="Anna")
    for named in (view["voice_id"], "Anna"):
        assert_problem(speak(locked, bearer(BOB), voice_id=named), 404, "voice-not-found", "voice_id")
    assert locked.get("/voices", headers=bearer(BOB)).json()["voices"] == []
    assert locked.get("/voices", params={"name": "Anna"}, headers=bearer(BOB)).json()["voices"] == []
    assert add(locked, headers=bearer(BOB), name="Anna").status_code == 201


def test_a_deletion_never_reaches_another_tenants_jobs(locked: Client) -> None:
    view = added(locked, headers=bearer(ALICE))
    theirs = add_job(locked.parts, owner="bob", voice_id=view["voice_id"])
    path = f"/voices/{view['voice_id']}?delete_jobs=true"
    assert locked.delete(path, headers=bearer(ALICE)).status_code == 204
    assert locked.parts.jobs.get(theirs.id) == theirs


def test_no_word_of_a_voice_is_logged(client: Client) -> None:
    with capture_logs() as lines:
        view = added(client, name="Secret Anna", labels='{"secret": "label"}')
        patch(client, view["voice_id"], language="de")
        client.delete(f"/voices/{view['voice_id']}")
    assert {line["event"] for line in lines} >= {"voice_added", "voice_deleted"}
    assert not any(said in str(lines) for said in ("Secret", "secret", REFERENCE_TEXT, CONSENT))


def test_the_form_and_the_change_are_documented(client: Client) -> None:
    document = client.get("/openapi.json").json()
    form = document["paths"]["/voices"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["name", "consent"]
    assert {"sample", "upload_id"} < form["properties"].keys()
    assert form["properties"]["consent_recording"]["format"] == "binary"
    change = document["paths"]["/voices/{voice_id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(change["properties"]) == {"name", "ref_text", "language", "labels"}
    assert "required" not in change
