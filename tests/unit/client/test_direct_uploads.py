"""Recordings on their way past the server, and the secret of webhooks."""

import io
from pathlib import Path

import httpx
import pytest

from tests.unit.api.client import REFERENCE, REFERENCE_TEXT
from timbre_client import NotFoundError, ServerUnreachable, UploadRefused

from .kit import STORE, Kit


def test_a_recording_is_stored_past_the_server_and_used_once(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "me.wav"
    path.write_bytes(REFERENCE)
    upload = kit.call(kit.client.uploads.create, path)
    offered, stored = kit.served.requests
    assert (offered.url.path, stored.url.host) == ("/uploads", STORE)
    assert "authorization" not in stored.headers
    spoken = {"upload_id": upload.upload_id, "ref_text": REFERENCE_TEXT}
    job = kit.call(kit.client.tts.create, "Hello there.", **spoken)
    assert kit.parts.blobs.get(kit.parts.jobs.get(job.job_id).input.reference_key) == REFERENCE
    with pytest.raises(NotFoundError):
        kit.call(kit.client.tts.create, "Once more.", **spoken)


@pytest.mark.parametrize("recording", [REFERENCE, io.BytesIO(REFERENCE)])
def test_a_voice_is_made_of_it(kit: Kit, recording: object) -> None:
    upload = kit.call(kit.client.uploads.create, recording)
    given = {"upload_id": upload.upload_id, "consent": "It is my own voice.", "ref_text": REFERENCE_TEXT}
    voice = kit.call(kit.client.voices.create, "Anna", **given)
    assert voice.sample.bytes == len(REFERENCE)


def test_what_the_store_refuses_is_told(kit: Kit) -> None:
    kit.served.happenings = [None, httpx.Response(400)]
    with pytest.raises(UploadRefused, match="400") as refused:
        kit.call(kit.client.uploads.create, REFERENCE)
    assert refused.value.status == 400


def test_a_store_that_is_away_is_told_without_its_address(kit: Kit) -> None:
    kit.served.happenings = [None, httpx.ConnectError("refused")]
    with pytest.raises(ServerUnreachable, match="the store does not answer"):
        kit.call(kit.client.uploads.create, REFERENCE)


def test_nothing_signed_is_shown(kit: Kit) -> None:
    upload = kit.call(kit.client.uploads.create, REFERENCE)
    assert not any(value in repr(upload) for value in (upload.url, *upload.fields.values()))


def test_the_secret_of_webhooks_is_told_and_changed(kit: Kit) -> None:
    first = kit.call(kit.client.webhook_secret.get)
    second = kit.call(kit.client.webhook_secret.rotate)
    assert (first.rotated_at, first.previous_until) == (None, None)
    assert first.secret.startswith("whsec_")
    assert second.secret != first.secret
    assert second.previous_until > second.rotated_at
    assert kit.call(kit.client.webhook_secret.get) == second
    assert second.secret not in repr(second)
