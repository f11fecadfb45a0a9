"""`/v1`: OpenAI's routes, in OpenAI's words, errors too. The official client is held to them elsewhere."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from services.api.dialects.openai_errors import openai_error
from services.shared.job import Job, JobFault, JobStatus, fail, request_cancel
from services.shared.parts import Parts
from services.shared.testing.voices import make_voice
from services.shared.voice import Voice
from tests.unit.api.client import ALICE, BOB, KEYS, Client, bearer, obliging, run_job, start_job

MakeClient = Callable[..., Client]


def speak(client: Client, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    asked = {"model": "tts-1", "input": "Hello there.", "voice": "sample", **fields}
    return client.post("/v1/audio/speech", json=asked, headers=headers)


def store(client: Client, name: str, owner: str = "anonymous", **fields: Any) -> Voice:
    voice = make_voice(client.parts.clock(), name=name, owner=owner, **fields)
    client.parts.voices.add(voice, limit=100)
    client.parts.clock.advance(1)
    return voice


def assert_error(answer: httpx.Response, status: int, code: str, param: str | None = None) -> str:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param), answer.text
    assert error["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    assert set(error) == {"message", "type", "param", "code"}
    assert answer.headers["content-type"] == "application/json"
    return str(error["message"])


def last_job(client: Client) -> Job:
    return client.parts.jobs.get(client.parts.queue.sent[-1])


# --- speech ----------------------------------------------------------------------------------------


def test_answers_the_audio(client: Client) -> None:
    answer = speak(obliging(client, run_job))
    assert (answer.status_code, answer.content) == (200, b"RIFF-audio")
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["x-job-id"] == last_job(client).id


@pytest.mark.parametrize(
    ("response_format", "content_type"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/ogg"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        ("pcm", "audio/pcm"),
    ],
)
def test_speaks_every_format(client: Client, response_format: str, content_type: str) -> None:
    answer = speak(obliging(client, run_job), response_format=response_format)
    assert answer.headers["content-type"] == content_type
    assert (last_job(client).input.format, last_job(client).input.sample_rate) == (response_format, 24_000)


def test_is_a_job_like_any_other(make_client: MakeClient) -> None:
    client = obliging(make_client(speed=1.25), run_job)
    store(client, "Anna")
    speak(client, voice="anna", input="Good morning.", instructions="Whisper.", stream_format="audio")
    spoken = last_job(client).input
    assert (spoken.text, spoken.format, spoken.speed, spoken.nfe_step) == ("Good morning.", "mp3", 1.25, 16)
    assert client.get(f"/jobs/{last_job(client).id}").json()["status"] == "succeeded"


def test_speed_is_the_native_one(client: Client) -> None:
    speak(obliging(client, run_job), speed=0.5)
    assert last_job(client).input.speed == 0.5


@pytest.mark.parametrize(("model", "steps"), [("tts-1", 16), ("tts-1-hd", 32), ("gpt-4o-mini-tts", 16)])
def test_openais_models_stand_for_ours(client: Client, model: str, steps: int) -> None:
    assert speak(obliging(client, run_job), model=model).status_code == 200
    assert last_job(client).input.nfe_step == steps


def test_our_own_model_has_its_own_name(make_client: MakeClient) -> None:
    client = obliging(make_client(model_name="F5TTS_v1_Base"), run_job)
    assert speak(client, model="F5TTS_v1_Base").status_code == 200


# --- voices ----------------------------------------------------------------------------------------


def test_a_voice_is_named_by_name_or_id(client: Client) -> None:
    anna = store(client, "Anna Müller")
    for voice in ("Anna Müller", "ANNA MÜLLER", anna.id, {"id": anna.id}):
        obliging(client, run_job)
        assert speak(client, voice=voice).status_code == 200
        spoken = last_job(client).input
        assert (spoken.voice_id, spoken.reference_key, spoken.ref_text) == (anna.id, anna.sample.key, anna.ref_text)


def test_the_bundled_voice_is_there_from_the_start_and_is_its_jobs_own(client: Client) -> None:
    assert speak(obliging(client, run_job), voice={"id": "sample"}).status_code == 200
    spoken = last_job(client).input
    assert (spoken.voice_id, spoken.ref_text) == (None, "I know that you can hear the sound of my voice.")
    assert client.parts.blobs.get(spoken.reference_key).startswith(b"RIFF")


def test_a_voice_of_ones_own_wins_over_the_bundled_one(client: Client) -> None:
    mine = store(client, "Sample")
    speak(obliging(client, run_job), voice="sample")
    assert last_job(client).input.voice_id == mine.id


def test_another_tenants_voice_does_not_exist(locked: Client) -> None:
    voice = store(locked, "Anna", owner="bob")
    messages = set()
    for wanted in ("Anna", voice.id, {"id": voice.id}, "nobody"):
        message = assert_error(speak(locked, bearer(ALICE), voice=wanted), 404, "voice_not_found", "voice")
        messages.add(message.replace(wanted if isinstance(wanted, str) else voice.id, "X"))
    assert messages == {"You have no voice of the name or id `X`. Store one at POST /voices, or take `sample`."}
    assert not locked.parts.queue.sent


def test_voices_are_listed_with_the_bundled_one_last(client: Client) -> None:
    names = [store(client, f"Voice {number}").name for number in range(5)]
    seen: list[str] = []
    after = None
    while True:
        page = client.get("/v1/voices", params={"limit": 2, **({"after": after} if after else {})}).json()
        assert page["object"] == "list"
        seen += [voice["name"] for voice in page["data"]]
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert seen == [*reversed(names), "sample"]


def test_a_voice_in_a_list_is_what_openai_calls_one(client: Client) -> None:
    anna = store(client, "Anna")
    first, last = client.get("/v1/voices").json()["data"]
    expected = {"object": "audio.voice", "name": "Anna", "type": "audio_sample"}
    assert first == {"id": anna.id, "created_at": int(anna.created_at), **expected}
    assert last == {**expected, "id": "sample", "name": "sample", "created_at": 0}


def test_voices_are_listed_for_their_owner_alone(locked: Client) -> None:
    mine, theirs = store(locked, "Mine", owner="alice"), store(locked, "Theirs", owner="bob")
    listed = locked.get("/v1/voices", headers=bearer(ALICE)).json()["data"]
    assert [voice["id"] for voice in listed] == [mine.id, "sample"]
    answer = locked.get("/v1/voices", params={"after": theirs.id}, headers=bearer(ALICE))
    assert_error(answer, 404, "voice_not_found")


# --- models ----------------------------------------------------------------------------------------


def test_models_are_listed_and_read(client: Client) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["timbre-tiny", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    for model in listed["data"]:
        assert (model["object"], model["owned_by"]) == ("model", "timbre")
        assert client.get(f"/v1/models/{model['id']}").json() == model


@pytest.mark.parametrize("name", ["gpt-9", "org/model", "%2e%2e"])
def test_an_unknown_model(client: Client, name: str) -> None:
    assert "timbre-tiny, tts-1" in assert_error(client.get(f"/v1/models/{name}"), 404, "model_not_found")


# --- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status", "code", "param", "words"),
    [
        ({"model": "tts-9"}, 404, "model_not_found", "model", "one of timbre-tiny, tts-1"),
        ({"voice": "alloy"}, 404, "voice_not_found", "voice", "POST /voices"),
        ({"input": ""}, 400, "text_empty", "input", "nothing to say"),
        ({"input": "x" * 4_097}, 400, "text_too_long", "input", "at most 4096"),
        ({"speed": 0.25}, 400, "field_invalid", "speed", "a number from 0.5 to 2"),
        ({"speed": 4.0}, 400, "field_invalid", "speed", "a number from 0.5 to 2"),
        ({"response_format": "ogg"}, 400, "field_invalid", "response_format", "one of wav, flac, mp3, opus, aac, pcm"),
        ({"stream_format": "sse"}, 400, "field_invalid", "stream_format", "Accepted: audio."),
        ({"voice": 7}, 400, "field_invalid", "voice", "string"),
        ({"voice": {}}, 400, "field_invalid", "voice", ""),
        ({"voice": "x" * 65}, 400, "field_invalid", "voice", "64"),
        ({"instructions": "x" * 4_097}, 400, "field_invalid", "instructions", "4096"),
        ({"pitch": 2}, 400, "field_invalid", "pitch", "response_format"),
    ],
)
def test_a_request_that_is_wrong(
    client: Client, fields: dict[str, Any], status: int, code: str, param: str, words: str
) -> None:
    answer = speak(client, **fields)
    assert words in assert_error(answer, status, code, param)
    assert answer.headers["x-should-retry"] == "false"
    assert not client.parts.queue.sent
    assert not client.parts.blobs.blobs


@pytest.mark.parametrize("missing", ["model", "input", "voice"])
def test_a_field_that_is_missing(client: Client, missing: str) -> None:
    asked = {"model": "tts-1", "input": "Hello.", "voice": "sample"}
    del asked[missing]
    assert "missing" in assert_error(client.post("/v1/audio/speech", json=asked), 400, "field_invalid", missing)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "json_malformed"),
        (b"[]", "application/json", 400, "json_malformed"),
        (b"\xff", "application/json", 400, "json_malformed"),
        (b'{"model": "' + b"x" * 300_000, "application/json", 413, "payload_too_large"),
        (b"model=tts-1", "application/x-www-form-urlencoded", 415, "media_type_unsupported"),
    ],
)
def test_a_body_that_is_no_request(client: Client, content: bytes, content_type: str, status: int, code: str) -> None:
    answer = client.post("/v1/audio/speech", content=content, headers={"Content-Type": content_type})
    assert_error(answer, status, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models"), ("GET", "/v1/models/tts-1"), ("GET", "/v1/voices"), ("POST", "/v1/audio/speech")],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_every_route_wants_a_key(locked: Client, method: str, path: str, headers: dict[str, str]) -> None:
    answer = locked.request(method, path, headers=headers)
    assert_error(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_what_does_not_exist_is_told_in_the_same_shape(client: Client) -> None:
    assert_error(client.get("/v1/chat/completions"), 404, "not_found")
    assert_error(client.get("/v1"), 404, "not_found")
    assert_error(client.delete("/v1/models"), 405, "method_not_allowed")
    assert_error(client.get("/v1/voices?limit=0"), 400, "field_invalid", "limit")


def test_native_routes_keep_their_own_shape(client: Client) -> None:
    for path in ("/jobs/0123", "/v1x", "/nowhere"):
        assert client.get(path).headers["content-type"] == "application/problem+json"


def test_the_shape_stays_behind_a_proxy_that_cuts_a_path_off(client: Client) -> None:
    client.app.root_path = "/speech"
    assert_error(client.get("/v1/nowhere"), 404, "not_found")
    assert client.get("/nowhere").headers["content-type"] == "application/problem+json"


def test_too_many_requests_are_told_as_such() -> None:
    error = openai_error("rate-limited", 429, "Too many.", field=None, accepted=None)["error"]
    assert (error["type"], error["code"], error["message"]) == ("rate_limit_error", "rate_limited", "Too many.")


def test_a_part_that_is_away_is_worth_a_retry(client: Client) -> None:
    client.parts.blobs.down = True
    answer = speak(client)
    assert_error(answer, 503, "blob_store_unavailable")
    assert (answer.headers["x-should-retry"], int(answer.headers["retry-after"]) > 0) == ("true", True)


def test_our_own_fault_tells_nothing(client: Client) -> None:
    def break_down(job_id: str) -> Job:
        raise RuntimeError("secret internals")

    client.parts.jobs.get = break_down
    with capture_logs():
        answer = speak(client)
    assert "secret" not in assert_error(answer, 500, "internal")


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("audio-silent", 400, "audio_silent"),
        ("text-unsupported-characters", 400, "text_unsupported_characters"),
        ("engine-failed", 500, "engine_failed"),
    ],
)
def test_a_job_that_fails_is_told_in_its_own_words(client: Client, kind: str, status: int, code: str) -> None:
    def fail_it(parts: Parts, job: Job) -> None:
        running = start_job(parts, job)
        parts.jobs.replace(running, fail(running, 1, JobFault(kind, "It failed", "This is why."), parts.clock()))

    assert assert_error(speak(obliging(client, fail_it)), status, code) == "This is why."


def test_a_job_that_is_canceled_meanwhile_is_not_spoken_again_unasked(client: Client) -> None:
    def cancel_it(parts: Parts, job: Job) -> None:
        parts.jobs.replace(job, request_cancel(job, parts.clock()))

    answer = speak(obliging(client, cancel_it))
    assert_error(answer, 409, "audio_not_ready")
    assert answer.headers["x-should-retry"] == "false"


# --- what nobody waits for -------------------------------------------------------------------------


@pytest.mark.parametrize(("work", "status"), [(None, JobStatus.CANCELED), (start_job, JobStatus.PROCESSING)])
def test_speech_that_is_not_ready_in_time_is_stopped(
    make_client: MakeClient, work: Callable[[Parts, Job], object] | None, status: JobStatus
) -> None:
    client = make_client(max_wait_seconds=0.15)
    answer = speak(obliging(client, work) if work else client)
    assert "0.15 seconds" in assert_error(answer, 504, "not_in_time")
    assert answer.headers["x-should-retry"] == "false"
    assert (last_job(client).status, last_job(client).cancel_requested) == (status, status is JobStatus.PROCESSING)
    queued_alone = status is JobStatus.CANCELED
    assert (last_job(client).input.reference_key not in client.parts.blobs.blobs) == queued_alone


def test_a_client_that_leaves_stops_the_work(client: Client) -> None:
    body = b'{"model": "tts-1", "input": "Hello.", "voice": "sample"}'
    messages = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    assert client.raw("/v1/audio/speech", {"Content-Type": "application/json"}, messages)["status"] is None
    assert last_job(client).status is JobStatus.CANCELED


def test_a_store_that_goes_away_meanwhile_hides_nothing(make_client: MakeClient) -> None:
    def unplug(parts: Parts, _: Job) -> None:
        parts.jobs.down = True

    answer = speak(obliging(make_client(max_wait_seconds=0.15), unplug))
    assert_error(answer, 504, "not_in_time")


# --- the documentation -----------------------------------------------------------------------------


def test_the_documentation_names_the_shape_of_every_error(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert "OpenAIError" in document["components"]["schemas"]
    for path in ("/v1/audio/speech", "/v1/models", "/v1/models/{model}", "/v1/voices"):
        for operation in document["paths"][path].values():
            assert "422" not in operation["responses"]
            errors = {status: one for status, one in operation["responses"].items() if status != "200"}
            for one in errors.values():
                assert one["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/OpenAIError"}
            assert {"401", "500", "default"} <= set(errors)
    body = document["paths"]["/v1/audio/speech"]["post"]["requestBody"]
    assert "$ref" not in str(body)


def test_keys_of_two_tenants_hear_two_voices_of_one_name(make_client: MakeClient) -> None:
    client = make_client(api_keys=KEYS)
    voices = {key: store(client, "Anna", owner=owner) for key, owner in ((ALICE, "alice"), (BOB, "bob"))}
    for key, voice in voices.items():
        obliging(client, run_job)
        assert speak(client, bearer(key), voice="Anna").status_code == 200
        assert last_job(client).input.voice_id == voice.id
