"""Every wrong upload that we know, sent as a client would send it."""

import pytest

from tests.unit.api.client import Client
from tests.uploads import UPLOADS, Upload

BAD = [upload for upload in UPLOADS if upload.expected is not None]
HARMLESS = [upload for upload in UPLOADS if upload.expected is None]


@pytest.mark.parametrize("upload", BAD, ids=str)
def test_a_bad_upload_gets_its_own_message(client: Client, upload: Upload) -> None:
    answer = client.speak(voice=upload.make())
    body = answer.json()
    assert upload.expected is not None
    assert (answer.status_code, body["type"]) == (400, f"/problems/{upload.expected.type}")
    assert (body["field"], body["title"]) == ("voice", upload.expected.title)
    assert body["detail"]
    assert not client.parts.blobs.blobs
    assert not client.parts.queue.sent


@pytest.mark.parametrize("upload", HARMLESS, ids=str)
def test_a_harmless_one_is_queued(client: Client, upload: Upload) -> None:
    answer = client.speak(voice=upload.make())
    assert answer.status_code == 202, answer.text
    assert client.parts.queue.sent == [answer.json()["job_id"]]


def test_the_table_is_worth_its_name() -> None:
    assert len(BAD) >= 50
