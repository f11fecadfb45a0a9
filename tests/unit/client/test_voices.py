"""Storing voices, and looking after them."""

import io
import json
from typing import Any

import pytest

from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, add_job
from timbre_client import ConflictError, InvalidRequestError, NotFoundError

from .kit import Kit

CONSENT = "It is my own voice."


def create(kit: Kit, name: str = "Anna", **more: Any) -> Any:
    given = {"sample": REFERENCE, "consent": CONSENT, "ref_text": REFERENCE_TEXT, **more}
    return kit.call(kit.client.voices.create, name, **given)


def test_a_voice_is_stored_and_its_sample_judged(kit: Kit) -> None:
    recording = io.BytesIO(REFERENCE)
    voice = create(kit, language="en-GB", labels={"mood": "calm"}, consent_recording=recording)
    assert (voice.name, voice.language, voice.labels) == ("Anna", "en-GB", {"mood": "calm"})
    assert (voice.consent.statement, voice.consent.recorded) == (CONSENT, True)
    assert (voice.sample.bytes, voice.sample.sample_rate) == (len(REFERENCE), 24_000)
    assert voice.report.advice == tuple(voice.raw["report"]["advice"])
    assert voice.report.snr_db == pytest.approx(voice.raw["report"]["snr_db"])
    assert kit.call(kit.client.voices.get, voice) == voice
    assert not any(said in repr(voice) for said in (CONSENT, REFERENCE_TEXT))


def test_voices_are_listed_and_found_by_name(kit: Kit) -> None:
    for name in ("Anna", "Ben", "Cleo"):
        create(kit, name)
        kit.parts.clock.advance(1)
    assert [voice.name for voice in kit.items(kit.client.voices.list(page_size=2))] == ["Cleo", "Ben", "Anna"]
    assert [voice.name for voice in kit.items(kit.client.voices.list(name="ben"))] == ["Ben"]
    page = kit.call(kit.client.voices.page, limit=2)
    assert len(page.items) == 2
    assert [voice.name for voice in kit.call(kit.client.voices.page, cursor=page.next_cursor).items] == ["Anna"]


def test_what_is_given_changes_and_nothing_else(kit: Kit) -> None:
    voice = create(kit, language="en", labels={"mood": "calm"})
    changed = kit.call(kit.client.voices.update, voice, name="Ann", language=None)
    assert (changed.name, changed.language, changed.labels) == ("Ann", None, {"mood": "calm"})
    assert changed.ref_text == REFERENCE_TEXT
    assert json.loads(kit.served.requests[-1].content) == {"name": "Ann", "language": None}
    assert kit.call(kit.client.voices.update, voice.voice_id, labels={}).labels == {}


def test_a_voice_is_deleted_and_what_was_made_with_it_on_request(kit: Kit) -> None:
    for delete_jobs in (False, True):
        voice = create(kit)
        job = add_job(kit.parts, owner="alice", voice_id=voice.voice_id)
        assert kit.call(kit.client.voices.delete, voice, delete_jobs=delete_jobs) is None
        with pytest.raises(NotFoundError):
            kit.call(kit.client.voices.get, voice)
        assert (job.id in [one.job_id for one in kit.items(kit.client.jobs.list())]) is not delete_jobs


def test_what_cannot_be_stored_says_why(kit: Kit) -> None:
    create(kit)
    with pytest.raises(ConflictError) as taken:
        create(kit, "anna")
    assert taken.value.type == "/problems/voice-name-taken"
    with pytest.raises(InvalidRequestError) as refused:
        create(kit, "Ben", sample=b"noise")
    assert (refused.value.status, refused.value.field) == (400, "sample")
