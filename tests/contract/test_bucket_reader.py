"""What every `BucketReader` must do."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from services.shared.adapters.s3_blobs import connect_s3
from services.shared.adapters.s3_buckets import S3BucketReader
from services.shared.errors import BlobStoreUnavailable, ContentTooLarge, UrlNotServed
from services.shared.outbound.testing import MemoryBucketReader
from services.shared.ports import BucketReader
from tests.s3_server import S3Server

BUCKET = "voices-of-others"


@dataclass(frozen=True)
class Harness:
    reader: BucketReader
    put: Callable[[str, bytes], None]
    #: The same port on a server that does not answer.
    down: Callable[[], BucketReader]


@pytest.fixture(params=["memory", "s3"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        memory = MemoryBucketReader()
        yield Harness(memory, lambda key, data: memory.objects.update({(BUCKET, key): data}), _switched_off)
        return
    server: S3Server = request.getfixturevalue("s3")
    keys = {"access_key": server.access_key, "secret_key": server.secret_key, "region": "us-east-1"}
    client = connect_s3(server.endpoint, **keys)
    if not client.bucket_exists(BUCKET):
        client.make_bucket(BUCKET)

    def put(key: str, data: bytes) -> None:
        client.put_object(BUCKET, key, io.BytesIO(data), len(data))

    yield Harness(S3BucketReader(client), put, lambda: S3BucketReader(connect_s3("http://127.0.0.1:1", **keys)))


def _switched_off() -> BucketReader:
    memory = MemoryBucketReader()
    memory.down = True
    return memory


@pytest.mark.parametrize("key", ["anna.wav", "deep/er/anna voice.wav", "a%20b.wav", "Grüße?.wav"])
def test_an_object_comes_whole_under_its_very_key(harness: Harness, key: str) -> None:
    harness.put(key, b"x" * 200_000)
    pieces: list[bytes] = []
    harness.reader.fetch(BUCKET, key, pieces.append, max_bytes=200_000)
    assert b"".join(pieces) == b"x" * 200_000


def test_an_object_beyond_the_limit_is_not_read_to_its_end(harness: Harness) -> None:
    harness.put("large", b"x" * 200_000)
    pieces: list[bytes] = []
    with pytest.raises(ContentTooLarge):
        harness.reader.fetch(BUCKET, "large", pieces.append, max_bytes=199_999)
    assert len(b"".join(pieces)) <= 199_999


@pytest.mark.parametrize(
    ("bucket", "key"), [(BUCKET, "nobody.wav"), ("no-such-bucket", "a.wav"), (BUCKET, "../timbre/a")]
)
def test_what_is_not_there_is_told(harness: Harness, bucket: str, key: str) -> None:
    with pytest.raises(UrlNotServed):
        harness.reader.fetch(bucket, key, bytes, max_bytes=10)


def test_a_store_that_is_away(harness: Harness) -> None:
    with pytest.raises(BlobStoreUnavailable):
        harness.down().fetch(BUCKET, "a.wav", bytes, max_bytes=10)
