"""How long audio is there: what was promised, and what the settings still allow."""

import pytest

from services.shared.job import JobOutput, JobStatus
from services.shared.lifetimes import audio_expires_at, has_audio
from services.shared.testing import START, make_job, make_settings

SETTINGS = make_settings(output_ttl_seconds=600)


def _spoken(expires_at=None):
    output = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7, expires_at=expires_at)
    return make_job(status=JobStatus.SUCCEEDED, completed_at=START, output=output)


@pytest.mark.parametrize(
    ("promised", "expected"),
    [(600.0, 600.0), (60.0, 60.0), (3_600.0, 600.0), (None, 600.0)],
    ids=["kept", "lengthened since", "shortened since", "of an earlier release"],
)
def test_the_earlier_of_promise_and_settings_counts(promised, expected):
    job = _spoken(None if promised is None else START + promised)
    assert audio_expires_at(job, SETTINGS) == START + expected
    assert has_audio(job, SETTINGS, START + expected - 0.001)
    assert not has_audio(job, SETTINGS, START + expected)


def test_jobs_without_audio():
    for job in (make_job(), make_job(status=JobStatus.CANCELED, completed_at=START)):
        assert audio_expires_at(job, SETTINGS) is None
        assert not has_audio(job, SETTINGS, START)
