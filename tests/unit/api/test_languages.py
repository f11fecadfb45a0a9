"""The language of a text: as its client says, or as it reads, in every job."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.api.forms.languages import Finding, Languages, spoken_languages
from services.shared.testing.parts import make_settings
from services.shared.testing.voices import make_voice
from tests.unit.api.client import REFERENCE, Client
from tests.unit.api.live import calling

SENTENCES = {
    "en": "Hello! This is a voice that you have heard before.",
    "de": "Guten Morgen, das ist eine Stimme, die du schon kennst.",
    "fr": "Bonjour, voici une voix que vous connaissez.",
    "es": "Hola, esta es una voz que ya conoces.",
    "vi": "Xin chào, đây là giọng nói mà bạn đã nghe.",
    "zh": "你好，今天天气很好。",
    "ja": "こんにちは、お元気ですか。",
    "ru": "Привет, это голос, который ты уже слышал.",
}
MakeClient = Callable[..., Client]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def find(text: str, given: str | None = None, voice: str | None = None, spoken: tuple[str, ...] = ()) -> Finding:
    return Languages(spoken).find(text, given=given, voice=voice)


@pytest.mark.parametrize(("language", "text"), SENTENCES.items())
def test_sentences_tell_their_language_whoever_speaks_them(language: str, text: str) -> None:
    assert find(text) == Finding(language, "text")
    assert find(text, voice="it", spoken=("en", "zh")) == Finding(language, "text")


def test_the_client_knows_best() -> None:
    assert find(SENTENCES["de"], given="nds", voice="de") == Finding("nds", "request")


@pytest.mark.parametrize("text", ["Ok.", "12345", "👍", "!", "", "\x00"])
def test_what_is_too_short_to_tell_follows_the_voice_then_the_model(text: str) -> None:
    assert find(text, voice="de-AT", spoken=("en",)) == Finding("de-AT", "voice")
    assert find(text, spoken=("en",)) == Finding("en", "model")
    assert find(text) == Finding(None, None)


def test_a_short_text_is_in_the_likelier_of_the_models_languages() -> None:
    assert find("Hello.", spoken=("zh", "en")) == Finding("en", "model")


def test_the_voice_may_know_the_region() -> None:
    assert find(SENTENCES["en"], voice="en-GB") == Finding("en-GB", "text")


def test_lines_capitals_and_marks_do_not_mislead() -> None:
    english = SENTENCES["en"]
    assert find(english.replace(" ", "\n")).language == "en"
    assert find(english.upper()).language == "en"
    assert find("[Die schöne Müllerin] Yes, I do. [Die schöne Müllerin] So do I, my friend.").language == "en"


def test_a_long_text_is_told_by_its_beginning() -> None:
    assert find(SENTENCES["en"] * 2_000).language == "en"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("en",)),
        # Its files are not here.
        ({"model_name": "F5TTS_v1_Base"}, ("en", "zh")),
        # A fine-tune may speak what it likes.
        ({"model_name": "F5TTS_v1_Base", "ckpt_path": "ours.safetensors"}, ()),
    ],
)
def test_what_the_model_speaks_is_its_makers_word(changes: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert tuple(spoken_languages(make_settings(**changes).engine_config())) == expected


# --- routes -----------------------------------------------------------------------------------------


@pytest.fixture
def english(make_client: MakeClient) -> Client:
    """A service whose model speaks English."""
    return make_client(engine="f5")


def told(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 202, answer.text
    return answer.json()["language"], answer.json()["language_source"]


def test_a_job_tells_its_language(client: Client) -> None:
    assert told(client.speak(text=SENTENCES["de"])) == ("de", "text")
    given = client.speak(text=SENTENCES["de"], language="de-AT")
    assert told(given) == ("de-AT", "request")
    assert client.get(f"/jobs/{given.json()['job_id']}").json()["language"] == "de-AT"


def test_a_stored_voice_speaks_its_own_where_the_text_does_not_tell(client: Client) -> None:
    voice = make_voice(client.parts.clock(), language="de-AT", owner="anonymous")
    client.parts.voices.add(voice, limit=10)
    fields = {"voice_id": (None, voice.id), "text": (None, "Ok.")}
    assert told(client.post("/tts", files=fields)) == ("de-AT", "voice")


@pytest.mark.parametrize("language", ["english!", "e", "en_GB", "-en", "e" * 50])
def test_no_language_is_told_so(client: Client, language: str) -> None:
    answer = client.speak(language=language)
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/field-invalid", "language")
    assert body["accepted"] == "a BCP 47 language tag, as en or de-AT"


def test_a_language_that_the_model_does_not_speak_is_refused(english: Client) -> None:
    answer = english.speak(language="de")
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/language-not-spoken", "language")
    assert body["accepted"] == "en, or left out"
    assert english.parts.queue.sent == []
    assert told(english.speak(language="EN-gb")) == ("EN-gb", "request")
    # What is only told from the text may be a mistake.
    assert told(english.speak(text="Das ist ja nur ein deutscher Satz."))[0] == "de"


def test_items_of_a_batch_have_languages_of_their_own(client: Client) -> None:
    voice = make_voice(client.parts.clock(), owner="anonymous")
    client.parts.voices.add(voice, limit=10)
    items = [{"text": SENTENCES["fr"]}, {"text": "Ok.", "language": "es"}]
    answer = client.post("/batches", json={"voice_id": voice.id, "language": "it", "items": items})
    assert answer.status_code == 202, answer.text
    assert [client.parts.jobs.get(job_id).language for job_id in client.parts.queue.sent] == ["it", "es"]


def test_a_batch_names_the_items_whose_language_is_not_spoken(english: Client) -> None:
    voice = make_voice(english.parts.clock(), owner="anonymous")
    english.parts.voices.add(voice, limit=10)
    items = [{"text": "One."}, {"text": "Zwei.", "language": "de"}]
    errors = english.post("/batches", json={"voice_id": voice.id, "items": items}).json()["errors"]
    assert [(one["line"], one["type"]) for one in errors] == [(2, "/problems/language-not-spoken")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/run", {"input": {"text": "Ok.", "voice_id": "VOICE", "language": "de"}}),
        ("/api/v1/tts/generate", {"text": "Ok.", "voice_id": "VOICE", "language": "de"}),
        ("/v1/text-to-speech/VOICE", {"text": "Ok.", "language_code": "de"}),
    ],
)
def test_other_manners_take_it_too(make_client: MakeClient, path: str, body: dict[str, Any]) -> None:
    client = make_client(max_wait_seconds=0.01)
    voice = make_voice(client.parts.clock(), owner="anonymous")
    client.parts.voices.add(voice, limit=10)
    named = {name: voice.id if value == "VOICE" else value for name, value in body.get("input", body).items()}
    client.post(path.replace("VOICE", voice.id), json={"input": named} if "input" in body else named)
    job = client.parts.jobs.get(client.parts.queue.sent[-1])
    assert (job.language, job.language_source) == ("de", "request")


def test_it_is_refused_by_the_name_that_it_has_in_elevenlabs_manner(english: Client) -> None:
    answer = english.post("/v1/text-to-speech/sample", json={"text": "Hallo.", "language_code": "de"})
    detail = answer.json()["detail"]
    assert (answer.status_code, detail["status"]) == (422, "language_not_spoken")
    assert detail["message"].startswith("`language_code`: the model")


@pytest.mark.anyio
async def test_a_live_session_is_refused_a_language_at_once(english: Client) -> None:
    async with calling(english.app, "/tts/live") as socket:
        socket.say(json.dumps({"voice_id": "sample", "language": "de"}))
        said = await socket.message()
    assert said["problem"]["type"] == "/problems/language-not-spoken"


def test_recordings_are_checked_all_the_same(english: Client) -> None:
    assert english.speak(voice=REFERENCE[:20], language="en").status_code == 400
