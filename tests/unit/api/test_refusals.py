"""What `POST /tts` refuses, and in which words."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from f5_tts_core import limits
from f5_tts_core.testing import speech_like, wav_bytes
from services.shared.testing.voices import make_voice
from tests.unit.api.client import REFERENCE, Client

MakeClient = Callable[..., Client]

BOUNDARY = "frontier"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, content: bytes, *, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


VOICE = part("voice", REFERENCE, filename="voice.wav")
TEXT = part("text", b"Hello there.") + part("ref_text", b"This is what the voice says.")
END = f"--{BOUNDARY}--\r\n".encode()


def assert_problem(answer: httpx.Response, status: int, kind: str, field: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["type"], body.get("field")) == (status, f"/problems/{kind}", field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (body["status"], body["instance"]) == (status, "/tts")
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return body


# --- fields ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("speed", "0", "a number from 0.5 to 2"),
        ("speed", "2.1", "a number from 0.5 to 2"),
        ("speed", "nan", "a number from 0.5 to 2"),
        ("speed", "inf", "a number from 0.5 to 2"),
        ("speed", "fast", "a number from 0.5 to 2"),
        ("seed", "-1", "a whole number from 0 to 4294967295"),
        ("seed", "4294967296", "a whole number from 0 to 4294967295"),
        ("seed", "1.5", "a whole number from 0 to 4294967295"),
        ("nfe_step", "0", "a whole number from 1 to 64"),
        ("nfe_step", "65", "a whole number from 1 to 64"),
        ("nfe_step", "9" * 5_000, "a whole number from 1 to 64"),
        ("cfg_strength", "-0.1", "a number from 0 to 10"),
        ("cfg_strength", "10.5", "a number from 0 to 10"),
        ("remove_silence", "perhaps", "true or false"),
        ("preset", "best", "one of quality, balanced, fast"),
        ("format", "m4a", "one of wav, flac, mp3, opus, aac, pcm"),
        ("sample_rate", "11025", "one of 8000, 16000, 22050, 24000, 44100, 48000"),
        ("sample_rate", "CD", "one of 8000, 16000, 22050, 24000, 44100, 48000"),
        ("bit_depth", "8", "one of 16, 24, 32"),
        ("bit_depth", "deep", "one of 16, 24, 32"),
        ("bitrate", "5", "a whole number from 6 to 320"),
        ("bitrate", "321", "a whole number from 6 to 320"),
        ("loudness", "-31", "a number from -30 to -5"),
        ("loudness", "0", "a number from -30 to -5"),
        ("loudness", "nan", "a number from -30 to -5"),
        ("trim", "a little", "true or false"),
        ("mode", "later", "one of async, sync"),
    ],
)
def test_a_value_out_of_bounds(client: Client, field: str, value: str, accepted: str) -> None:
    assert assert_problem(client.speak(**{field: value}), 422, "field-invalid", field)["accepted"] == accepted


@pytest.mark.parametrize(
    ("fields", "field", "accepted"),
    [
        ({"format": "opus", "sample_rate": "44100"}, "sample_rate", "one of 8000, 16000, 24000, 48000"),
        ({"format": "flac", "bit_depth": "32"}, "bit_depth", "one of 16, 24"),
        ({"format": "mp3", "bit_depth": "16"}, "bit_depth", "none: leave it out"),
        ({"format": "wav", "bitrate": "64"}, "bitrate", "none: leave it out"),
        ({"bitrate": "64"}, "bitrate", "none: leave it out"),
        ({"format": "aac", "sample_rate": "8000", "bitrate": "64"}, "bitrate", "16 to 32"),
    ],
)
def test_an_output_that_does_not_go_together(client: Client, fields: dict[str, str], field: str, accepted: str) -> None:
    assert assert_problem(client.speak(**fields), 422, "field-invalid", field)["accepted"] == accepted
    assert not client.parts.blobs.blobs


@pytest.mark.parametrize("text", ["", " ", "\n\t", "...", "—?!"])
def test_a_text_with_nothing_to_say(client: Client, text: str) -> None:
    assert_problem(client.speak(text=text), 422, "text-empty", "text")


def test_a_text_that_is_too_long(make_client: MakeClient) -> None:
    client = make_client(max_text_characters=20, max_long_text_characters=20)
    assert client.speak(text="x" * 20).status_code == 202
    assert "21 characters" in assert_problem(client.speak(text="x" * 21), 422, "text-too-long", "text")["detail"]


def test_a_transcript_that_is_too_long(client: Client) -> None:
    too_long = "x" * (limits.MAX_REFERENCE_TEXT_CHARACTERS + 1)
    assert_problem(client.speak(ref_text=too_long), 422, "text-too-long", "ref_text")


def test_a_transcript_that_cannot_be_the_references(client: Client) -> None:
    assert_problem(
        client.speak(ref_text="far too much to be said so quickly " * 20), 422, "transcript-mismatch", "ref_text"
    )


def test_a_field_of_a_megabyte(client: Client) -> None:
    assert_problem(client.speak(text="x" * 1_000_000), 413, "payload-too-large", "text")


def test_characters_the_model_cannot_read(make_client: MakeClient) -> None:
    client = make_client(engine="f5", model_name="timbre-tiny")
    assert (
        "U+1F600"
        in assert_problem(client.speak(text="Hello \N{GRINNING FACE}"), 422, "text-unsupported-characters", "text")[
            "detail"
        ]
    )
    assert_problem(client.speak(ref_text="你好，世界，你好吗"), 422, "text-unsupported-characters", "ref_text")


def test_a_model_that_is_not_on_this_machine_is_left_to_the_worker(make_client: MakeClient, tmp_path: Any) -> None:
    client = make_client(engine="f5", model_name="F5TTS_v1_Base", hf_cache_dir=tmp_path)
    assert client.speak(text="Hello \N{GRINNING FACE}").status_code == 202


def test_no_transcript_where_nothing_can_transcribe(client: Client) -> None:
    assert_problem(client.speak(ref_text=""), 422, "transcript-needed", "ref_text")


@pytest.mark.parametrize("missing", ["text", "voice"])
def test_a_missing_field(client: Client, missing: str) -> None:
    body = {"text": VOICE, "voice": TEXT}[missing] + END
    answer = client.post("/tts", content=body, headers=FORM)
    assert "missing" in assert_problem(answer, 422, "field-invalid", missing)["detail"]


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        (part("volume", b"11"), "volume"),
        (part("", b"11"), ""),
        (part("text", b"Again."), "text"),
        (VOICE, "voice"),
        (part("seed", b"1", filename="seed.txt"), "seed"),
        (part("seed", b"\xff\xfe"), "seed"),
    ],
    ids=["unknown", "nameless", "repeated", "repeated-file", "file-for-text", "not-utf-8"],
)
def test_a_part_that_should_not_be_there(client: Client, extra: bytes, field: str) -> None:
    answer = client.post("/tts", content=TEXT + VOICE + extra + END, headers=FORM)
    assert_problem(answer, 422, "field-invalid", field)


def test_a_voice_that_is_text(client: Client) -> None:
    answer = client.post("/tts", content=TEXT + part("voice", b"@voice.wav") + END, headers=FORM)
    assert assert_problem(answer, 422, "field-invalid", "voice")["accepted"] == "a file"


@pytest.mark.parametrize("blank", [part("voice", b""), part("voice", b"", filename="")], ids=["text", "no-file"])
def test_a_voice_that_was_left_blank_counts_as_left_out(client: Client, blank: bytes) -> None:
    missing = client.post("/tts", content=TEXT + blank + END, headers=FORM)
    assert "voice_id" in assert_problem(missing, 422, "field-invalid", "voice")["accepted"]
    voice = make_voice(client.parts.clock(), owner="anonymous")
    client.parts.voices.add(voice, limit=1)
    text = part("text", b"Hello there.") + part("voice_id", voice.id.encode())
    assert client.post("/tts", content=text + blank + END, headers=FORM).status_code == 202


# --- the voice -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("voice", "kind"),
    [
        (b"", "audio-empty"),
        (b"not audio at all", "audio-undecodable"),
        (wav_bytes([0.0] * 48_000), "audio-silent"),
        (wav_bytes(speech_like(0.3)), "audio-too-short"),
    ],
    ids=["empty", "text", "silent", "short"],
)
def test_a_voice_that_cannot_be_followed(client: Client, voice: bytes, kind: str) -> None:
    assert "channels" in assert_problem(client.speak(voice=voice), 400, kind, "voice")["accepted"]
    assert not client.parts.blobs.blobs


# --- the body --------------------------------------------------------------------------------------


def test_a_voice_over_the_limit(make_client: MakeClient) -> None:
    client = make_client(max_upload_bytes=len(REFERENCE))
    assert client.speak().status_code == 202
    assert_problem(client.speak(voice=REFERENCE + b"\0"), 413, "payload-too-large", "voice")


def test_a_declared_length_over_the_limit_is_refused_unread(make_client: MakeClient) -> None:
    client = make_client(max_upload_bytes=1_000)
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"x"

    headers = {**FORM, "Content-Length": str(50_000_000)}
    assert_problem(client.post("/tts", content=body(), headers=headers), 413, "payload-too-large")
    assert read == 0


def test_a_body_without_a_length_is_refused_where_it_passes_the_limit(make_client: MakeClient) -> None:
    limit = 100_000 + len(REFERENCE)
    client = make_client(max_upload_bytes=limit)
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        # A whole form, and then bytes that belong to no field and so meet no field's limit.
        yield TEXT + VOICE + END
        for _ in range(1_000):
            sent += 65_536
            yield bytes(65_536)

    assert_problem(client.post("/tts", content=body(), headers=FORM), 413, "payload-too-large")
    assert sent < limit + 2 * 1024 * 1024


@pytest.mark.parametrize("content_type", [None, "application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_that_is_no_form(client: Client, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = client.post("/tts", content=b'{"text": "Hello"}', headers=headers)
    assert assert_problem(answer, 415, "media-type-unsupported")["accepted"] == "multipart/form-data"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", TEXT + VOICE + END),
        ("multipart/form-data; boundary=" + "x" * 2_000, TEXT + VOICE + END),
        ("multipart/form-data; boundary=other", TEXT + VOICE + END),
        (FORM["Content-Type"], b""),
        (FORM["Content-Type"], b"no form"),
        (FORM["Content-Type"], TEXT + VOICE),
        (FORM["Content-Type"], TEXT + VOICE[: len(VOICE) // 2]),
        (FORM["Content-Type"], f"--{BOUNDARY}\r\nContent-Dispo sition: x\r\n\r\n".encode() + END),
        (FORM["Content-Type"], f"--{BOUNDARY}\r\n{'x: y' * 10_000}\r\n\r\n".encode() + END),
    ],
    ids=["no-boundary", "long-boundary", "other-boundary", "empty", "garbage", "unended", "cut", "header", "headers"],
)
def test_a_form_that_is_broken(client: Client, content_type: str, body: bytes) -> None:
    answer = client.post("/tts", content=body, headers={"Content-Type": content_type})
    assert_problem(answer, 400, "form-malformed")


def test_a_body_that_stops_arriving(make_client: MakeClient) -> None:
    client = make_client(stall_seconds=0.05)
    messages = [{"type": "http.request", "body": TEXT[:40], "more_body": True}]
    assert client.raw("/tts", FORM, messages)["status"] == 408


def test_a_client_that_leaves_halfway_is_no_error(client: Client) -> None:
    messages = [{"type": "http.request", "body": TEXT[:40], "more_body": True}, {"type": "http.disconnect"}]
    with capture_logs() as lines:
        assert client.raw("/tts", FORM, messages)["status"] is None
    assert [(line["log_level"], line["status"]) for line in lines] == [("info", 499)]
