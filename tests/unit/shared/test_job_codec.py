"""Records that two releases share."""

import json
from dataclasses import replace

import pytest

from services.shared.errors import JobStoreUnavailable
from services.shared.job import Job, JobFault, JobOutput, JobStatus, LongText, Speaker, transitions
from services.shared.job_codec import VERSION, decode_job, encode_job
from services.shared.lane import Lane
from services.shared.priority import Priority
from services.shared.testing import START, make_job

RUNNING = transitions.claim(make_job(text='Grüße "你好"\n\0', seed=0), "worker-1", START, 10)
OUTPUT = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7)


@pytest.mark.parametrize(
    "job",
    [
        make_job(ref_text=None),
        make_job(speakers=(Speaker("bob", "b" * 32, "voices/b/sample", "1" * 64, None),)),
        make_job(model="candidate"),
        make_job(long=LongText("a" * 64, 5_000, 5_001)),
        RUNNING,
        transitions.succeed(RUNNING, 1, OUTPUT, {"total": 0.1}, START + 1),
        transitions.fail(RUNNING, 1, JobFault("t", "T", "d"), START + 1),
        transitions.request_cancel(make_job(), START + 1),
    ],
    ids=lambda job: str(job.status),
)
def test_a_job_survives_the_way_there_and_back(job: Job) -> None:
    assert decode_job(encode_job(job)) == job
    assert isinstance(decode_job(encode_job(job)).status, JobStatus)


def test_fields_of_a_newer_release_are_skipped() -> None:
    job = transitions.succeed(RUNNING, 1, OUTPUT, {}, START)
    document = json.loads(encode_job(job))
    document["mood"] = "new"
    document["input"]["novelty"] = "new"
    document["output"]["subtitles"] = "new"
    assert decode_job(json.dumps(document)) == job


def test_fields_that_an_older_release_lacked_get_their_defaults() -> None:
    document = json.loads(encode_job(replace(RUNNING, setbacks=3)))
    del document["setbacks"], document["webhook_url"], document["input"]["voice_id"]
    assert decode_job(json.dumps(document)) == replace(RUNNING, setbacks=0)


def test_a_job_from_before_there_were_models_is_for_whichever_there_is() -> None:
    document = json.loads(encode_job(make_job(model="candidate", priority=Priority.BULK)))
    del document["model"]
    assert decode_job(json.dumps(document)).lane == Lane(Priority.BULK)


def test_a_job_from_before_outputs_could_be_chosen_is_read_as_it_was_meant() -> None:
    job = transitions.succeed(RUNNING, 1, OUTPUT, {}, START)
    document = json.loads(encode_job(job))
    for name in ("sample_rate", "bit_depth", "bitrate", "loudness", "trim"):
        del document["input"][name]
    for name in ("bitrate", "peak_dbfs", "loudness_lufs"):
        del document["output"][name]
    assert decode_job(json.dumps(document)) == job


def test_a_record_that_only_a_newer_release_can_read() -> None:
    document = json.loads(encode_job(RUNNING)) | {"version": VERSION + 1}
    with pytest.raises(JobStoreUnavailable, match="version"):
        decode_job(json.dumps(document))
