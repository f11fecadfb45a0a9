"""A real control process keeps to the lifetimes, on a real Redis and S3."""

import io
import time
from collections.abc import Iterator

import pytest

from services.shared.job import INPUTS, OUTPUTS, JobStatus, own_inputs, request_cancel
from services.shared.upload import UPLOADS
from services.shared.voice import sample_key
from tests.s3_server import s3_client
from tests.stack import Stack, running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack"), output_ttl_seconds=2, sweep_seconds=0.3) as stack:
        yield stack


def _keys(stack: Stack, prefix: str) -> list[str]:
    return [blob.key for blob in stack.parts.blobs.page(prefix, limit=100)]


def test_lifetimes_are_kept(stack: Stack) -> None:
    sample = sample_key("0" * 32)
    stack.parts.blobs.put(sample, io.BytesIO(b"audio"), 5, "audio/wav")
    # Canceled while the object store was away: its reference was left behind.
    canceled = stack.submit(sent=False)
    stack.parts.jobs.replace(canceled, request_cancel(canceled, time.time()))
    stack.worker()
    done = stack.until_over(stack.submit().id)
    assert done.status is JobStatus.SUCCEEDED
    assert own_inputs(canceled) <= {*_keys(stack, INPUTS)}
    stack.control()
    stack.until(lambda: not _keys(stack, OUTPUTS))
    assert time.time() >= done.output.expires_at
    stack.until(lambda: not _keys(stack, INPUTS))
    assert stack.job(done.id).output == done.output
    assert _keys(stack, "voices/") == [sample]


def test_the_bucket_has_the_rules(stack: Stack) -> None:
    client = s3_client(stack.settings)
    stack.until(lambda: client.get_bucket_lifecycle(stack.settings.s3_bucket))
    rules = client.get_bucket_lifecycle(stack.settings.s3_bucket).rules
    found = {rule.rule_id: (rule.rule_filter.prefix, rule.expiration.days) for rule in rules}
    assert found == {"timbre-inputs": (INPUTS, 3), "timbre-outputs": (OUTPUTS, 1), "timbre-uploads": (UPLOADS, 1)}
