"""The same request with the same seed, through queue, worker and store, on the bundled model."""

import io

import numpy as np
import pytest
import soundfile

from services.shared.job import Job
from tests.stack import Stack, running_stack

REQUEST = {
    "text": "The same words again.",
    "ref_text": "What was said in here, more or less.",
    "nfe_step": 4,
    "seed": 11,
}
OTHERS = [{**REQUEST, "text": f"Other words, number {word}.", "seed": 5} for word in ("one", "two", "three")]


@pytest.fixture(params=["1", "0"], ids=["deterministic", "batched"])
def stack(request, tmp_path):
    with running_stack(tmp_path, engine="f5", deterministic=request.param, device="cpu") as stack:
        stack.worker()
        yield stack


def speak(stack: Stack, *requests: dict[str, object]) -> list[Job]:
    jobs = [stack.submit(**request) for request in requests]
    return [stack.until_over(job.id, seconds=120) for job in jobs]


def test_the_same_request_sounds_the_same_alone_and_under_load(stack):
    (alone,) = speak(stack, REQUEST)
    under_load = speak(stack, *OTHERS, REQUEST)[-1]
    for job in (alone, under_load):
        stack.assert_succeeded_once(job)
    if stack.settings.deterministic:
        assert under_load.output.sha256 == alone.output.sha256
    else:
        np.testing.assert_allclose(samples(stack, under_load), samples(stack, alone), atol=1e-3)


def samples(stack: Stack, job: Job):
    return soundfile.read(io.BytesIO(stack.parts.blobs.get(job.output.key)))[0]
