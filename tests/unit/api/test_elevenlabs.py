"""`/v1/text-to-speech`: requests as ElevenLabs' clients send them, errors as they read them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.shared.job import Job
from services.shared.testing.voices import make_voice
from services.shared.voice import Voice
from tests.unit.api.client import ALICE, BOB, Client, obliging, run_job

MakeClient = Callable[..., Client]


def speak(client: Client, voice: str = "sample", query: str = "", headers: Any = None, **fields: Any) -> httpx.Response:
    """With what their Python client sends by default."""
    body = {"text": "Hello there.", "model_id": "eleven_multilingual_v2", **fields}
    return client.post(f"/v1/text-to-speech/{voice}{query}", json=body, headers=headers)


def store(client: Client, name: str, owner: str = "anonymous") -> Voice:
    voice = make_voice(client.parts.clock(), name=name, owner=owner)
    client.parts.voices.add(voice, limit=100)
    return voice


def last_job(client: Client) -> Job:
    return client.parts.jobs.get(client.parts.queue.sent[-1])


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    assert set(answer.json()) == {"detail"}
    assert set(answer.json()["detail"]) == {"status", "message"}
    assert answer.json()["detail"]["status"] == code
    return str(answer.json()["detail"]["message"])


def test_answers_the_audio_as_their_default_format(client: Client) -> None:
    answer = speak(obliging(client, run_job))
    job = last_job(client)
    assert (answer.status_code, answer.content) == (200, b"RIFF-audio")
    assert (answer.headers["content-type"], answer.headers["x-job-id"]) == ("audio/mpeg", job.id)
    assert (job.input.format, job.input.sample_rate, job.input.bitrate) == ("mp3", 44_100, 128)
    assert (job.input.text, job.input.speed, job.input.seed, job.input.nfe_step) == ("Hello there.", 1.0, None, 16)


@pytest.mark.parametrize(
    ("output_format", "content_type", "encoding"),
    [
        ("mp3_44100_128", "audio/mpeg", ("mp3", 44_100, 128)),
        ("mp3_22050_32", "audio/mpeg", ("mp3", 22_050, 32)),
        ("pcm_24000", "audio/pcm", ("pcm", 24_000, None)),
        ("pcm_16000", "audio/pcm", ("pcm", 16_000, None)),
        ("opus_48000_64", "audio/ogg", ("opus", 48_000, 64)),
        ("wav_44100", "audio/wav", ("wav", 44_100, None)),
        ("flac", "audio/flac", ("flac", 24_000, None)),
    ],
)
def test_speaks_their_formats(client: Client, output_format: str, content_type: str, encoding: tuple[Any, ...]) -> None:
    answer = speak(
        obliging(client, run_job), query=f"/stream?output_format={output_format}&optimize_streaming_latency=0"
    )
    spoken = last_job(client).input
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert (spoken.format, spoken.sample_rate, spoken.bitrate) == encoding


@pytest.mark.parametrize("output_format", ["ulaw_8000", "mp3_44100_17", "pcm_32000", "mp3_", "MP3", "opus_44100_64"])
def test_refuses_formats_that_it_does_not_have(client: Client, output_format: str) -> None:
    message = assert_error(speak(client, query=f"?output_format={output_format}"), 422, "field_invalid")
    assert "output_format" in message


def test_takes_what_their_clients_send(client: Client) -> None:
    anna = store(client, "Anna")
    settings = {"stability": 0.5, "similarity_boost": 0.8, "style": 0.0, "use_speaker_boost": True, "speed": 0.9}
    obliging(client, run_job)
    more = {"seed": 7, "previous_text": "Before.", "language_code": "en", "apply_text_normalization": "auto"}
    assert speak(client, anna.id, voice_settings=settings, **more).status_code == 200
    spoken = last_job(client).input
    assert (spoken.voice_id, spoken.speed, spoken.seed) == (anna.id, 0.9, 7)


def test_a_voice_is_named_by_name_or_id_in_path_or_body(client: Client) -> None:
    anna = store(client, "Anna Müller")
    for voice in ("Anna Müller", anna.id):
        obliging(client, run_job)
        assert speak(client, voice).status_code == 200
        assert last_job(client).input.voice_id == anna.id
        obliging(client, run_job)
        body = {"text": "Hello.", "voice_id": voice}
        assert client.post("/v1/text-to-speech?output_format=pcm_24000", json=body).status_code == 200
        assert last_job(client).input.voice_id == anna.id


@pytest.mark.parametrize(
    ("model", "steps"), [("eleven_flash_v2_5", 7), ("eleven_turbo_v2", 7), ("timbre-tiny", 16), (None, 16)]
)
def test_their_fast_models_are_the_fast_preset(client: Client, model: str | None, steps: int) -> None:
    assert speak(obliging(client, run_job), model_id=model).status_code == 200
    assert last_job(client).input.nfe_step == steps


def test_errors_are_theirs(make_client: MakeClient) -> None:
    client = make_client(max_wait_seconds=0.05)
    assert "Rachel" in assert_error(speak(client, "Rachel"), 404, "voice_not_found")
    assert_error(speak(client, model_id="gpt-9"), 404, "model_not_found")
    assert_error(speak(client, text=" "), 422, "text_empty")
    assert "speed" in assert_error(speak(client, voice_settings={"speed": 9}), 422, "field_invalid")
    assert_error(client.post("/v1/text-to-speech/sample", json={}), 422, "field_invalid")
    assert_error(client.post("/v1/text-to-speech", json={"text": "Hello."}), 422, "field_invalid")
    assert_error(client.post("/v1/text-to-speech/sample", content=b"{"), 415, "media_type_unsupported")
    assert_error(client.get("/v1/text-to-speech/sample"), 405, "method_not_allowed")
    assert_error(client.post("/v1/text-to-speech/a/b/c"), 404, "not_found")
    assert_error(speak(client), 504, "not_in_time")
    assert str(last_job(client).status) == "canceled"


def test_a_key_comes_as_they_send_it(locked: Client) -> None:
    anna = store(locked, "Anna", owner="alice")
    assert_error(speak(locked, anna.id), 401, "invalid_api_key")
    assert_error(speak(locked, anna.id, headers={"xi-api-key": "wrong"}), 401, "invalid_api_key")
    assert_error(speak(locked, anna.id, headers={"xi-api-key": BOB}), 404, "voice_not_found")
    assert speak(obliging(locked, run_job), anna.id, headers={"xi-api-key": ALICE}).status_code == 200
    assert last_job(locked).owner == "alice"


def test_voices_are_listed_as_they_list_them(client: Client) -> None:
    anna = store(client, "Anna")
    assert client.get("/v1/voices", headers={"xi-api-key": "any"}).json()["voices"] == [
        {"voice_id": anna.id, "name": "Anna", "category": "cloned", "labels": anna.labels},
        {"voice_id": "sample", "name": "sample", "category": "premade", "labels": {}},
    ]
