"""Many texts at once."""

from typing import Any

import pytest

from services.shared.job import JobStatus
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, run_job
from timbre_client import BatchTimeout, ConflictError, InvalidRequestError, NotFoundError

from .kit import Kit


def create(kit: Kit, *items: Any, **options: Any) -> Any:
    return kit.call(kit.client.batches.create, items, voice=REFERENCE, ref_text=REFERENCE_TEXT, **options)


def jobs_of(kit: Kit, batch: Any) -> list[Any]:
    return [kit.parts.jobs.get(result.job_id) for result in kit.items(kit.client.batches.results(batch))]


def test_texts_are_queued_in_one_voice(kit: Kit) -> None:
    batch = create(kit, "One.", {"text": "Two.", "custom_id": "two", "speed": 0.5, "seed": None}, format="mp3")
    assert (batch.status, batch.counts.total, batch.is_over) == ("queued", 2, False)
    jobs = jobs_of(kit, batch)
    assert [job.input.text for job in jobs] == ["One.", "Two."]
    assert [(job.input.speed, job.input.format) for job in jobs] == [(1.0, "mp3"), (0.5, "mp3")]
    assert kit.parts.blobs.get(jobs[0].input.reference_key) == REFERENCE


def test_each_in_a_stored_voice(kit: Kit) -> None:
    voices = [
        kit.call(kit.client.voices.create, name, sample=REFERENCE, consent="Mine.", ref_text=REFERENCE_TEXT)
        for name in ("Anna", "Bert")
    ]
    for second in (voices[1], "Bert"):
        items = [{"text": "One."}, {"text": "Two.", "voice_id": second}]
        batch = kit.call(kit.client.batches.create, items, voice_id=voices[0])
        assert [job.input.voice_id for job in jobs_of(kit, batch)] == [voice.voice_id for voice in voices]


def test_a_batch_tells_what_became_of_its_webhook(kit: Kit) -> None:
    url = "https://receiver.test/hook"
    assert create(kit, "One.").webhook is None
    webhook = create(kit, "One.", batch_webhook_url=url).webhook
    assert (webhook.url, webhook.state, webhook.attempts) == (url, "waiting", 0)
    assert url not in repr(webhook)


def test_a_batch_is_made_once_however_often_it_is_sent(kit: Kit) -> None:
    first, second = (create(kit, "One.", idempotency_key="k1") for _ in range(2))
    assert first.batch_id == second.batch_id
    assert create(kit, "One.").batch_id != first.batch_id


def test_every_wrong_line_is_told(kit: Kit) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        create(kit, "One.", {"text": "Two.", "speed": 9}, "")
    assert [error["line"] for error in refused.value.problem["errors"]] == [2, 3]


def test_what_became_of_each_is_told_page_by_page(kit: Kit) -> None:
    batch = create(kit, *(f"Text {number}." for number in range(5)))
    run_job(kit.parts, jobs_of(kit, batch)[3])
    kit.served.requests.clear()
    results = kit.items(kit.client.batches.results(batch, page_size=2))
    assert [result.status for result in results] == ["queued"] * 3 + ["succeeded", "queued"]
    assert {result.model for result in results} == {kit.parts.settings.served_model}
    assert len(kit.served.requests) == 3
    assert "signature" not in repr(results)
    assert kit.call(kit.call(kit.client.jobs.audio, results[3].job_id).read) == b"RIFF-audio"


def test_it_is_waited_for(kit: Kit) -> None:
    batch = create(kit, "One.", "Two.")
    one, two = jobs_of(kit, batch)
    kit.during += [lambda: run_job(kit.parts, one), lambda: run_job(kit.parts, two)]
    seen: list[int] = []
    over = kit.call(kit.client.batches.wait, batch, on_progress=lambda now: seen.append(now.counts.succeeded))
    assert (over.status, over.is_over, seen) == ("completed", True, [0, 1, 2])


def test_not_for_ever(kit: Kit) -> None:
    batch = create(kit, "One.")
    with pytest.raises(BatchTimeout) as late:
        kit.call(kit.client.batches.wait, batch.batch_id, timeout=3)
    assert late.value.batch.batch_id == batch.batch_id
    assert sum(kit.naps) == pytest.approx(3)


def test_batches_are_listed_canceled_and_deleted(kit: Kit) -> None:
    ids = []
    for _ in range(3):
        ids.append(create(kit, "One.").batch_id)
        kit.parts.clock.advance(1)
    assert [one.batch_id for one in kit.items(kit.client.batches.list(page_size=2))] == ids[::-1]
    canceled = kit.call(kit.client.batches.cancel, ids[0])
    assert (canceled.status, canceled.cancel_requested) == ("canceled", True)
    assert [job.status for job in jobs_of(kit, canceled)] == [JobStatus.CANCELED]
    with pytest.raises(ConflictError):
        kit.call(kit.client.batches.cancel, ids[0])
    kit.call(kit.client.batches.delete, ids[1])
    with pytest.raises(NotFoundError):
        kit.call(kit.client.batches.get, ids[1])
