"""A recording on its way past the API: into a real object store by a signed form, and from there into a job."""

from dataclasses import replace

import httpx

from services.shared.parts import Parts, connect
from services.shared.testing.queue import MemoryJobQueue
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client


def test_a_recording_is_stored_by_its_client_and_used(parts: Parts) -> None:
    client = Client(replace(parts, queue=MemoryJobQueue()))
    offered = client.post("/uploads").json()
    stored = httpx.post(offered["url"], data=offered["fields"], files={"file": ("me.wav", REFERENCE, "audio/wav")})
    assert stored.is_success, stored.text
    fields = {"text": "Hello.", "ref_text": REFERENCE_TEXT, "upload_id": offered["upload_id"]}
    answer = client.post("/tts", files={name: (None, value) for name, value in fields.items()})
    assert answer.status_code == 202, answer.text
    job = parts.jobs.get(answer.json()["job_id"])
    assert parts.blobs.get(job.input.reference_key) == REFERENCE
    assert list(parts.blobs.page("uploads/", limit=10)) == []


def test_a_file_that_is_too_large_never_gets_in(parts: Parts) -> None:
    small = connect(parts.settings.model_copy(update={"max_direct_upload_bytes": len(REFERENCE) - 1}))
    offered = Client(small).post("/uploads").json()
    refused = httpx.post(offered["url"], data=offered["fields"], files={"file": ("me.wav", REFERENCE, "audio/wav")})
    assert refused.status_code == 400
    assert list(parts.blobs.page("uploads/", limit=10)) == []
    small.close()


def test_the_form_is_for_the_address_that_clients_reach(parts: Parts) -> None:
    url = "https://s3.example.com"
    public = connect(type(parts.settings).model_validate(parts.settings.model_dump() | {"s3_public_endpoint": url}))
    assert Client(public).post("/uploads").json()["url"] == f"{url}/{parts.settings.s3_bucket}"
    public.close()
