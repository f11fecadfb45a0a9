"""A batch on the real stores, spoken by a real worker."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.shared.errors import BlobNotFound
from services.shared.job import reference_key
from tests.stack import Stack, running_stack
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client

LINES = b"".join(b'{"text": "Number %d.", "custom_id": "n-%d"}\n' % (n, n) for n in range(5))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running_stack(tmp_path, sweep_seconds=0.3) as stack:
        stack.control()
        yield stack


def test_a_batch_is_spoken_counted_and_cleaned_up_although_its_submitter_died(stack: Stack) -> None:
    client = Client(stack.parts)
    # As if the API had died between the answer and the queue.
    client.app.state.api.batcher.send = lambda _batch: None
    files = {"items": ("items.jsonl", LINES, "x/y"), "voice": ("voice.wav", REFERENCE, "audio/wav")}
    answer = client.post("/batches", data={"ref_text": REFERENCE_TEXT, "nfe_step": "4"}, files=files)
    assert answer.status_code == 202, answer.text
    batch_id = answer.json()["batch_id"]
    assert stack.parts.blobs.get(reference_key(batch_id)) == REFERENCE
    stack.worker()
    stack.until(lambda: stack.parts.batches.get(batch_id).is_over)
    assert client.get(f"/batches/{batch_id}").json()["counts"]["succeeded"] == 5
    results = client.get(f"/batches/{batch_id}/results").json()["results"]
    assert [one["custom_id"] for one in results] == [f"n-{n}" for n in range(5)]
    assert all(httpx.get(one["result_url"]).content.startswith(b"RIFF") for one in results)
    stack.until(lambda: _is_gone(stack, reference_key(batch_id)))
    assert client.delete(f"/batches/{batch_id}").status_code == 204
    assert {httpx.get(one["result_url"]).status_code for one in results} == {404}


def _is_gone(stack: Stack, key: str) -> bool:
    try:
        stack.parts.blobs.get(key)
    except BlobNotFound:
        return True
    return False
