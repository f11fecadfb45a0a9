"""A dialogue, from two recordings to one file, over HTTP."""

import io
from contextlib import closing

import httpx
import pytest
import soundfile

from f5_tts_core.testing import speech_like, wav_bytes
from tests.served import Served


@pytest.fixture(scope="module")
def api():
    with closing(Served(max_wait_seconds=20.0).start()) as served, httpx.Client(base_url=served.url, timeout=30) as api:
        for seed, name in enumerate(("Alice", "Bob")):
            data = {"name": name, "ref_text": "This is how I sound.", "consent": "It is nobody's voice."}
            files = {"sample": ("voice.wav", wav_bytes(speech_like(2.0 + seed, seed)), "audio/wav")}
            api.post("/voices", data=data, files=files).raise_for_status()
        yield api


def speak(api, path, text, **fields):
    data = {"seed": "7", "format": "pcm", **fields}
    answer = api.post(path, files={"text": (None, text)}, data=data, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_each_speaker_is_heard_in_turn_with_a_pause_in_between(api):
    names = ("alice", "bob", "sample")
    alone = [speak(api, "/tts", f"[{name}] Good morning.", cache="false") for name in names]
    assert len(set(alone)) == len(names)
    together = speak(api, "/tts", " ".join(f"[{name.title()}] Good morning." for name in names))
    assert together == bytes(2 * 6_000).join(alone)


def test_a_dialogue_can_be_heard_while_it_is_spoken(api):
    text = "[Alice] Good evening. [Bob] Good evening. [Alice] Good night."
    assert speak(api, "/tts/stream", text) == speak(api, "/tts", text, cache="false")


def test_it_is_written_in_any_format(api):
    content = speak(api, "/tts", "[Alice] Good morning. [Bob] Good day.", format="flac", loudness="-20")
    assert soundfile.info(io.BytesIO(content)).samplerate == 24_000
