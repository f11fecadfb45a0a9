"""From a text to its audio."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from services.shared.job import JobFault, JobStatus, fail
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, run_job, start_job
from timbre_client import AudioDamaged, AudioNotReady, InvalidRequestError, JobFailed, JobTimeout, NotFoundError

from .kit import Kit

AUDIO = b"RIFF" + bytes(range(256)) * 1024
SAID = {"text": "Hello there.", "ref_text": REFERENCE_TEXT}


def finish(kit: Kit) -> None:
    """What a worker does with the job that waits."""
    run_job(kit.parts, kit.parts.jobs.get(kit.parts.queue.take()), AUDIO)


def give_up(kit: Kit) -> None:
    job = start_job(kit.parts, kit.parts.jobs.get(kit.parts.queue.take()))
    kit.parts.jobs.replace(job, fail(job, job.attempt, JobFault("x", "X", "It is too hard."), kit.parts.clock()))


def create(kit: Kit, **options: Any) -> Any:
    return kit.call(kit.client.tts.create, **{**SAID, "voice": REFERENCE, **options})


def speak(kit: Kit, **options: Any) -> Any:
    return kit.call(kit.client.tts.speak, **{**SAID, "voice": REFERENCE, **options})


def finished(kit: Kit) -> Any:
    job = create(kit)
    finish(kit)
    return job


def from_path(folder: Path) -> Path:
    path = folder / "me.wav"
    path.write_bytes(REFERENCE)
    return path


def from_word(folder: Path) -> str:
    return str(from_path(folder))


def from_file(_folder: Path) -> BinaryIO:
    return io.BytesIO(REFERENCE)


def from_bytes(_folder: Path) -> bytes:
    return REFERENCE


@pytest.mark.parametrize("source", [from_path, from_word, from_file, from_bytes])
def test_a_recording_is_taken_in_any_shape(kit: Kit, source: Callable[[Path], Any], tmp_path: Path) -> None:
    job = create(kit, voice=source(tmp_path), speed=1.5, seed=7, trim=True, remove_silence=False, format=None)
    stored = kit.parts.jobs.get(job.job_id)
    assert kit.parts.blobs.get(stored.input.reference_key) == REFERENCE
    assert (job.status, job.input.text, job.input.speed, job.input.seed) == ("queued", "Hello there.", 1.5, 7)
    assert (job.input.trim, job.input.remove_silence, job.input.format) == (True, False, "wav")
    assert job.raw["urls"]["self"] == f"/jobs/{job.job_id}"


def test_a_stored_voice_is_spoken_with(kit: Kit) -> None:
    voice = kit.call(kit.client.voices.create, "Anna", sample=REFERENCE, consent="Mine.", ref_text=REFERENCE_TEXT)
    for given in (voice, voice.voice_id, "anna"):
        job = kit.call(kit.client.tts.create, "Hello.", voice_id=given)
        assert job.input.voice_id == voice.voice_id
    assert kit.call(kit.client.tts.create, "Hello.", voice_id="sample").input.voice_id is None


def test_the_job_comes_at_once_whatever_the_server_s_mode_is(kit: Kit) -> None:
    create(kit)
    assert kit.served.requests[0].headers["prefer"] == "respond-async"


def test_each_request_has_a_key_of_its_own_unless_one_is_given(kit: Kit) -> None:
    create(kit)
    create(kit)
    assert create(kit, idempotency_key="k1").job_id == create(kit, idempotency_key="k1").job_id
    keys = [request.headers["idempotency-key"] for request in kit.served.requests]
    assert len(set(keys)) == 3


def test_what_is_wrong_with_it_is_told(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        create(kit, speed=9.0)
    assert (refused.value.status, refused.value.field, refused.value.type) == (422, "speed", "/problems/field-invalid")
    assert refused.value.request_id
    with pytest.raises(InvalidRequestError):
        create(kit, nonsense="1")
    with pytest.raises(NotFoundError):
        kit.call(kit.client.tts.create, "Hello.", voice_id="none")
    with pytest.raises(FileNotFoundError):
        create(kit, voice=tmp_path / "none.wav")


def test_speaking_waits_and_answers_the_audio(kit: Kit) -> None:
    seen: list[str] = []
    kit.during.append(lambda: finish(kit))
    audio = speak(kit, on_progress=lambda job: seen.append(job.status))
    assert kit.call(audio.read) == AUDIO
    assert kit.call(audio.read) == b""
    assert (audio.job.status, audio.output.duration_s, audio.output.bytes) == ("succeeded", 1.5, len(AUDIO))
    assert seen == ["queued", "succeeded"]


def test_a_job_that_failed_says_why(kit: Kit) -> None:
    kit.during.append(lambda: give_up(kit))
    with pytest.raises(JobFailed, match="It is too hard") as failed:
        speak(kit)
    assert (failed.value.job.status, failed.value.type) == ("failed", "/problems/x")


def test_speech_that_is_not_waited_for_any_longer_is_canceled(kit: Kit) -> None:
    with pytest.raises(JobTimeout) as late:
        speak(kit, timeout=3)
    assert sum(kit.naps) == pytest.approx(3)
    assert kit.parts.jobs.get(late.value.job.job_id).status is JobStatus.CANCELED


def test_an_interrupt_cancels_it_too(kit: Kit) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    kit.during.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        speak(kit)
    assert kit.parts.jobs.get(kit.parts.queue.take()).status is JobStatus.CANCELED


def test_audio_is_read_as_a_file_is(kit: Kit) -> None:
    audio = kit.call(kit.client.jobs.audio, finished(kit))
    pieces = [kit.call(audio.read, 4), kit.call(audio.read, 0), kit.call(audio.read, 100_000)]
    assert [len(piece) for piece in pieces] == [4, 0, 100_000]
    pieces += kit.items(audio)
    assert b"".join(pieces) == AUDIO
    assert kit.call(audio.read, 10) == b""


def test_the_key_is_not_for_the_store(kit: Kit) -> None:
    kit.call(kit.call(kit.client.jobs.audio, finished(kit)).read)
    keys = [request.headers.get("authorization") for request in kit.served.requests]
    assert keys == ["Bearer alice-key", "Bearer alice-key", None]


def test_audio_is_saved_whole_or_not_at_all(kit: Kit, tmp_path: Path) -> None:
    job = finished(kit)
    place = tmp_path / "hello.wav"
    assert kit.call(kit.call(kit.client.jobs.audio, job).save, str(place)) == place
    kit.served.spoil = lambda audio: audio[:-1]
    with pytest.raises(AudioDamaged):
        kit.call(kit.call(kit.client.jobs.audio, job.job_id).save, place)
    assert place.read_bytes() == AUDIO
    assert list(tmp_path.iterdir()) == [place]
    with pytest.raises(AudioDamaged):
        kit.call(kit.call(kit.client.jobs.audio, job).read)


def test_audio_is_saved_where_links_and_devices_lead(kit: Kit, tmp_path: Path) -> None:
    job = finished(kit)
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    kit.call(kit.call(kit.client.jobs.audio, job).save, tmp_path / "link.wav")
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real.wav").read_bytes() == AUDIO
    kit.call(kit.call(kit.client.jobs.audio, job).save, "/dev/null")
    assert not Path("/dev/null").is_file()


def test_a_job_without_audio_has_none_to_read(kit: Kit) -> None:
    job = create(kit)
    with pytest.raises(AudioNotReady):
        kit.call(kit.client.jobs.audio, job)
    give_up(kit)
    with pytest.raises(JobFailed):
        kit.call(kit.client.jobs.audio, job)
