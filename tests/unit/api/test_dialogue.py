"""Texts of several speakers, each a voice of the caller's."""

import pytest

from services.shared.job import Job, Speaker
from tests.unit.api.client import ALICE, BOB, KEYS, REFERENCE, REFERENCE_TEXT, Client, bearer


def store(client: Client, name: str, key: str | None = None) -> str:
    data = {"name": name, "ref_text": REFERENCE_TEXT, "consent": "It is my own."}
    files = {"sample": ("voice.wav", REFERENCE, "audio/wav")}
    headers = bearer(key) if key else None
    answer = client.post("/voices", data=data, files=files, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["voice_id"])


def say(client: Client, text: str, key: str | None = None, **fields: str):
    return client.post("/tts", files={"text": (None, text)}, data=fields, headers=bearer(key) if key else None)


def stored(client: Client, response) -> Job:
    assert response.status_code == 202, response.text
    return client.parts.jobs.get(response.json()["job_id"])


def test_marks_name_the_callers_voices_by_name_and_id(client: Client) -> None:
    alice, bob = store(client, "Alice"), store(client, "Bob")
    response = say(client, f"[alice] Hello. [{bob}] Hi. [alice] How are you?")
    job = stored(client, response)
    voices = {voice: client.parts.voices.get(voice) for voice in (alice, bob)}
    assert job.input.speakers == tuple(
        Speaker(mark, voice, voices[voice].sample.key, voices[voice].sample.sha256, REFERENCE_TEXT)
        for mark, voice in (("alice", alice), (bob, bob))
    )
    assert job.input.voice_id == alice
    assert response.json()["input"]["speakers"] == [
        {"mark": "alice", "voice_id": alice},
        {"mark": bob, "voice_id": bob},
    ]


def test_a_mark_may_name_the_bundled_voice(client: Client) -> None:
    alice = store(client, "Alice")
    blobs = set(client.parts.blobs.blobs)
    response = say(client, "[Sample] Hello. [alice] Hi. [sample] How are you?")
    job = stored(client, response)
    (copy,) = set(client.parts.blobs.blobs) - blobs
    assert [(one.mark, one.voice_id) for one in job.input.speakers] == [
        ("Sample", None),
        ("alice", alice),
        ("sample", None),
    ]
    assert job.input.speakers[0].reference_key == job.input.speakers[2].reference_key == copy
    assert job.input.speakers[0].ref_text == "I know that you can hear the sound of my voice."
    assert response.json()["input"]["speakers"][0] == {"mark": "Sample", "voice_id": None}
    client.post(f"/jobs/{job.id}/cancel")
    assert set(client.parts.blobs.blobs) == blobs


def test_the_bundled_voice_may_speak_beside_a_recording(client: Client) -> None:
    job = stored(client, client.speak(text="He said: [sample] Hi.", dialogue="true"))
    (sample,) = job.input.speakers
    assert client.parts.blobs.get(job.input.reference_key) == REFERENCE
    assert client.parts.blobs.get(sample.reference_key) != REFERENCE
    client.delete(f"/jobs/{job.id}")
    assert not client.parts.blobs.blobs


def test_a_voice_of_ones_own_wins_over_the_bundled_one(client: Client) -> None:
    mine = store(client, "Sample")
    job = stored(client, say(client, "[sample] Hello."))
    assert [speaker.voice_id for speaker in job.input.speakers] == [mine]


def test_a_mark_that_names_no_voice_is_told_with_its_place(client: Client) -> None:
    store(client, "Alice")
    problem = say(client, "[alice] Hello. [carol] Hi.").json()
    assert (problem["status"], problem["type"], problem["field"]) == (422, "/problems/speaker-unknown", "text")
    assert (problem["mark"], problem["position"]) == ("carol", 16)
    assert "`[carol]` at character 16" in problem["detail"]
    assert "\\[" in problem["accepted"]


def test_a_bracket_that_is_no_mark_is_told_with_its_place(client: Client) -> None:
    store(client, "Alice")
    problem = say(client, "[alice] Hello [there.").json()
    assert (problem["status"], problem["type"], problem["field"]) == (422, "/problems/mark-malformed", "text")
    assert "character 15" in problem["detail"]


@pytest.mark.parametrize("text", ["Hello. [alice] Hi.", "[alice]", "[alice] ... [alice] Hi."])
def test_what_nobody_can_say_is_refused(client: Client, text: str) -> None:
    store(client, "Alice")
    problem = say(client, text).json()
    assert (problem["status"], problem["field"]) == (422, "text")
    assert client.parts.blobs.page("inputs/", limit=1) == []


def test_brackets_are_text_where_a_voice_is_given(client: Client) -> None:
    job = stored(client, client.speak(text="See [1] for more."))
    assert (job.input.speakers, job.input.text) == ((), "See [1] for more.")
    missing = say(client, "No marks, no voice.").json()
    assert (missing["field"], missing["status"]) == ("voice", 422)


def test_a_voice_that_is_given_speaks_what_stands_before_the_first_mark(client: Client) -> None:
    bob = store(client, "Bob")
    job = stored(client, client.speak(text="He said: [bob] Hi.", dialogue="true"))
    assert (job.input.voice_id, [speaker.voice_id for speaker in job.input.speakers]) == (None, [bob])
    assert job.input.reference_key.startswith("inputs/")
    # Without a mark there are brackets to be spoken all the same.
    alone = stored(client, client.speak(text=r"See \[1\].", dialogue="true"))
    assert (alone.input.text, alone.input.speakers) == ("See [1].", ())


def test_a_transcript_without_a_voice_is_refused(client: Client) -> None:
    store(client, "Alice")
    assert say(client, "[alice] Hi.", ref_text="What is this?").json()["field"] == "ref_text"


def test_too_many_speakers_are_refused(client: Client) -> None:
    for number in range(17):
        store(client, f"v{number}")
    problem = say(client, " ".join(f"[v{number}] Hi." for number in range(17))).json()
    assert (problem["status"], problem["accepted"]) == (422, "up to 16 voices")


def test_another_tenants_voice_is_as_one_that_never_was(make_client) -> None:
    client = make_client(api_keys=KEYS)
    bobs = store(client, "Robert", BOB)
    store(client, "Alice", ALICE)
    for mark in ("Robert", bobs):
        problem = say(client, f"[alice] Hello. [{mark}] Hi.", ALICE).json()
        assert (problem["type"], problem["mark"]) == ("/problems/speaker-unknown", mark)


def test_deleting_a_voice_takes_the_dialogues_it_spoke_in_along(client: Client) -> None:
    store(client, "Alice")
    bob = store(client, "Bob")
    job = stored(client, say(client, "[alice] Hello. [bob] Hi."))
    other = stored(client, say(client, "[alice] Hello."))
    assert client.delete(f"/voices/{bob}?delete_jobs=true").status_code == 204
    assert client.get(f"/jobs/{job.id}").status_code == 404
    assert client.get(f"/jobs/{other.id}").status_code == 200
