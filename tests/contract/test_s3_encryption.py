"""What is put into the bucket is encrypted, where that was asked for."""

import io
import time

import pytest
from minio import Minio
from minio.sseconfig import Rule, SSEConfig

from services.shared.adapters.s3_blobs import S3BlobStore
from services.shared.adapters.s3_encryption import set_encryption
from services.shared.settings import Encryption, Settings
from tests.s3_server import s3_client


@pytest.fixture
def client(settings: Settings) -> Minio:
    return s3_client(settings)


@pytest.fixture
def bucket() -> str:
    """The name of one that is not there yet."""
    return f"encrypted-{time.time_ns()}"


class NotingClient:
    """A bucket's rule, and how often it was written."""

    def __init__(self, rule: Rule | None = None) -> None:
        self.rule = rule
        self.writes = 0

    def get_bucket_encryption(self, _bucket: str) -> SSEConfig | None:
        return SSEConfig(self.rule) if self.rule else None

    def set_bucket_encryption(self, _bucket: str, config: SSEConfig) -> None:
        self.rule = config.rule
        self.writes += 1


def _store(client: Minio, bucket: str, encryption: Encryption, key: str | None = None) -> S3BlobStore:
    return S3BlobStore(client, client, bucket=bucket, clock=time.time, encryption=encryption, kms_key_id=key)


def _put(store: S3BlobStore) -> None:
    store.put("outputs/1/1.wav", io.BytesIO(b"audio"), 5, "audio/wav")


def _rule(client: Minio, bucket: str) -> Rule | None:
    config = client.get_bucket_encryption(bucket)
    return config.rule if config else None


def test_the_first_blob_is_encrypted_and_so_are_copies(client: Minio, bucket: str) -> None:
    store = _store(client, bucket, "sse-s3")
    _put(store)
    store.copy("outputs/1/1.wav", "outputs/2/1.wav")
    for key in ("outputs/1/1.wav", "outputs/2/1.wav"):
        metadata = client.stat_object(bucket, key).metadata
        assert metadata is not None
        assert metadata["X-Amz-Server-Side-Encryption"] == "AES256"
        assert store.get(key) == b"audio"


def test_a_key_of_the_operators_is_named(client: Minio, bucket: str) -> None:
    for key in ("key-1", "key-2"):
        _store(client, bucket, "sse-kms", key).ensure_bucket()
        assert _rule(client, bucket) == Rule.new_sse_kms_rule(key)


def test_none_leaves_the_bucket_as_it_is(client: Minio, bucket: str) -> None:
    client.make_bucket(bucket)
    client.set_bucket_encryption(bucket, SSEConfig(Rule.new_sse_s3_rule()))
    _put(_store(client, bucket, "none"))
    assert _rule(client, bucket) == Rule.new_sse_s3_rule()


@pytest.mark.parametrize(
    ("before", "encryption", "key", "writes"),
    [
        (None, "sse-s3", None, 1),
        (Rule.new_sse_s3_rule(), "sse-s3", None, 0),
        # Stores name the key that they use themselves.
        (Rule("AES256", "the-stores-own"), "sse-s3", None, 0),
        (Rule.new_sse_kms_rule("key-1"), "sse-kms", "key-1", 0),
        (Rule.new_sse_kms_rule("key-1"), "sse-kms", "key-2", 1),
        (Rule.new_sse_kms_rule("key-1"), "sse-s3", None, 1),
    ],
)
def test_what_is_so_already_is_not_written_again(
    before: Rule | None, encryption: Encryption, key: str | None, writes: int
) -> None:
    client = NotingClient(before)
    set_encryption(client, "bucket", encryption, key)
    assert client.writes == writes
