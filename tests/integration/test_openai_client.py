"""OpenAI's official client against a served API, with a worker behind it that hums."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI

from f5_tts_core.audio import decode
from services.shared.api_key import Quotas
from services.shared.job import JobStatus
from services.shared.servers import wait_until_answers
from tests.served import Served
from tests.unit.api.client import ALICE, REFERENCE, REFERENCE_TEXT, store_key

FORMATS = {"mp3": b"\xff\xf3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF"}


def client_of(served: Served, key: str = ALICE) -> OpenAI:
    return OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0)


@pytest.fixture
def client(served: Served) -> Iterator[OpenAI]:
    with client_of(served) as client:
        yield client


def test_the_first_call_of_a_newcomer(client: OpenAI, tmp_path: Path) -> None:
    speech = client.audio.speech.create(model="tts-1", voice="sample", input="Hello there.")
    speech.write_to_file(tmp_path / "hello.mp3")
    assert speech.response.headers["content-type"] == "audio/mpeg"
    assert decode((tmp_path / "hello.mp3").read_bytes()).seconds > 0.5


@pytest.mark.parametrize(("name", "start"), FORMATS.items())
def test_every_format_is_what_it_is_called(client: OpenAI, name: str, start: bytes) -> None:
    speech = client.audio.speech.create(model="tts-1-hd", voice="sample", input="Hello.", response_format=name)
    assert speech.content.startswith(start)
    assert decode(speech.content).seconds > 0.3


def test_pcm_is_samples_at_24_khz(client: OpenAI) -> None:
    asked = {"model": "tts-1", "voice": "sample", "input": "One and the same."}
    pcm = client.audio.speech.create(**asked, response_format="pcm").content
    wav = client.audio.speech.create(**asked, response_format="wav").content
    assert len(pcm) == len(wav) - 44


def test_speed_and_instructions_are_taken(client: OpenAI) -> None:
    asked = {
        "model": "gpt-4o-mini-tts",
        "voice": "sample",
        "input": "A sentence of some length.",
        "instructions": "Sing.",
    }
    slow, fast = (decode(client.audio.speech.create(**asked, speed=speed).content).seconds for speed in (0.5, 2.0))
    assert slow == pytest.approx(4 * fast, rel=0.1)


def test_a_stored_voice_by_name_and_by_id(served: Served, client: OpenAI) -> None:
    form = {"name": "Anna", "ref_text": REFERENCE_TEXT, "consent": "It is my own voice."}
    headers = {"Authorization": f"Bearer {ALICE}"}
    stored = httpx.post(f"{served.url}/voices", data=form, files={"sample": REFERENCE}, headers=headers)
    voice_id = stored.raise_for_status().json()["voice_id"]
    for voice in ("Anna", voice_id, {"id": voice_id}):
        speech = client.audio.speech.create(model="tts-1", voice=voice, input="Hello.")
        job = served.parts.jobs.get(speech.response.headers["x-job-id"])
        assert (job.owner, job.input.voice_id) == ("alice", voice_id)


def test_the_audio_can_be_streamed(client: OpenAI, tmp_path: Path) -> None:
    asked = client.audio.speech.with_streaming_response
    with asked.create(model="tts-1", voice="sample", input="Hello there.", stream_format="audio") as speech:
        speech.stream_to_file(tmp_path / "hello.mp3")
    assert decode((tmp_path / "hello.mp3").read_bytes()).seconds > 0.5


async def speak_twice(url: str) -> list[bytes]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=ALICE) as client:
        return [
            (await client.audio.speech.create(model="tts-1", voice="sample", input=text)).content
            for text in ("One.", "Two and three.")
        ]


def test_the_asynchronous_client_is_served_alike(served: Served) -> None:
    import anyio

    assert all(audio.startswith(b"\xff\xf3") for audio in anyio.run(speak_twice, served.url))


def test_models_are_listed_and_read(client: OpenAI) -> None:
    models = list(client.models.list())
    assert [model.id for model in models] == ["timbre-tiny", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    assert client.models.retrieve("timbre-tiny") == models[0]
    assert models[0].owned_by == "timbre"


def test_a_wrong_key_is_an_authentication_error(served: Served) -> None:
    with client_of(served, "wrong") as client, pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"


def test_a_missing_scope_is_a_permission_error(served: Served) -> None:
    with client_of(served, store_key(served.parts, "acme", "status")) as client:
        assert [model.id for model in client.models.list()]
        with pytest.raises(openai.PermissionDeniedError) as refused:
            client.audio.speech.create(model="tts-1", voice="sample", input="Hello.")
    assert refused.value.code == "scope_missing"


def test_beyond_a_limit_is_a_rate_limit_error(served: Served) -> None:
    key = store_key(served.parts, "acme", quotas=Quotas(requests_per_minute=1))
    with client_of(served, key) as client:
        client.models.list()
        with pytest.raises(openai.RateLimitError) as refused:
            client.models.list()
    assert (refused.value.code, refused.value.type) == ("rate_limited", "rate_limit_error")
    assert refused.value.response.headers["retry-after"] == "60"


def test_what_does_not_exist_is_a_not_found_error(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-9")
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as refused:
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
    assert (refused.value.code, refused.value.param) == ("voice_not_found", "voice")
    assert "POST /voices" in refused.value.message
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="tts-1", messages=[{"role": "user", "content": "Hello."}])


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"input": ""}, "input"), ({"speed": 3.0}, "speed"), ({"stream_format": "sse"}, "stream_format")],
)
def test_a_wrong_request_is_a_bad_request_error(client: OpenAI, fields: dict[str, object], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.speech.create(**{"model": "tts-1", "voice": "sample", "input": "Hello.", **fields})
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")
    assert refused.value.request_id


def test_a_store_that_is_away_is_asked_again_by_the_client_itself(served: Served) -> None:
    served.parts.blobs.down = True
    with client_of(served) as client, pytest.raises(openai.InternalServerError) as refused:
        client.audio.speech.create(model="tts-1", voice="sample", input="Hello.")
    assert (refused.value.status_code, refused.value.code) == (503, "blob_store_unavailable")


def test_a_client_that_gives_up_stops_the_work(served: Served) -> None:
    served.working.clear()
    with client_of(served) as client, pytest.raises(openai.APITimeoutError):
        client.audio.speech.create(model="tts-1", voice="sample", input="Hello.", timeout=1.0)

    def stopped() -> None:
        (job_id,) = served.parts.queue.sent
        assert served.parts.jobs.get(job_id).status is JobStatus.CANCELED

    wait_until_answers(stopped)
