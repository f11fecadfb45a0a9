"""Audio in any store that speaks S3."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from services.shared.adapters.s3_encryption import set_encryption
from services.shared.adapters.s3_lifecycle import set_rules
from services.shared.errors import BlobNotFound, BlobStoreUnavailable, LifetimesRefused
from services.shared.job import OUTPUTS
from services.shared.outbound.transfer import transfer
from services.shared.ports import Clock, Sink, StoredBlob, UploadOffer
from services.shared.settings import Encryption

_MISSING = ("NoSuchKey", "NoSuchObject")
_PIECE_BYTES = 64 * 1024
_ALREADY_THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


class S3BlobStore:
    """`BlobStore` in one bucket. `signer` is a client of the address that clients reach the store under."""

    def __init__(
        self,
        client: Minio,
        signer: Minio,
        *,
        bucket: str,
        clock: Clock,
        public_base_url: str | None = None,
        encryption: Encryption = "none",
        kms_key_id: str | None = None,
    ) -> None:
        self._client = client
        self._signer = signer
        self._bucket = bucket
        self._clock = clock
        self._bucket_seen = False
        self._public_base = public_base_url.rstrip("/") if public_base_url else None
        self._encryption: Encryption = encryption
        self._kms_key_id = kms_key_id

    def ensure_bucket(self) -> None:
        """Make the bucket where it is missing, and have it encrypt. Safe to call from many processes at once."""
        with s3_errors():
            if not self._client.bucket_exists(self._bucket):
                try:
                    self._client.make_bucket(self._bucket)
                except S3Error as error:
                    if error.code not in _ALREADY_THERE:
                        raise
            if not self._bucket_seen:
                set_encryption(self._client, self._bucket, self._encryption, self._kms_key_id)
        self._bucket_seen = True

    def put(self, key: str, data: BinaryIO, length: int, content_type: str) -> None:
        if not self._bucket_seen:
            self.ensure_bucket()
        with s3_errors():
            self._client.put_object(self._bucket, key, cast("BinaryIO", _Complete(data)), length, content_type)

    def get(self, key: str) -> bytes:
        with s3_errors(key), _returned(self._client.get_object(self._bucket, key)) as response:
            return bytes(response.read())

    def read(self, key: str, sink: Sink, *, max_bytes: int) -> None:
        with s3_errors(key):
            pour(self._client.get_object(self._bucket, key), sink, max_bytes)

    def stream(self, key: str) -> Iterator[bytes]:
        with s3_errors(key):
            response = self._client.get_object(self._bucket, key)
        return _pieces(response)

    def copy(self, source: str, target: str) -> None:
        with s3_errors(source):
            self._client.copy_object(self._bucket, target, CopySource(self._bucket, source))

    def delete(self, key: str) -> None:
        with s3_errors():
            self._client.remove_object(self._bucket, key)

    def delete_prefix(self, prefix: str) -> None:
        with s3_errors():
            found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
            doomed = [DeleteObject(item.object_name) for item in found]
            refused = list(self._client.remove_objects(self._bucket, doomed)) if doomed else []
        if refused:
            raise BlobStoreUnavailable(f"The object store deleted all but {len(refused)} of {len(doomed)} blobs.")

    def page(self, prefix: str, *, limit: int, after: str | None = None) -> Sequence[StoredBlob]:
        with s3_errors():
            found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True, start_after=after)
            return [StoredBlob(str(item.object_name), _moment(item.last_modified)) for item in islice(found, limit)]

    def set_lifetimes(self, seconds: Mapping[str, float]) -> None:
        self.ensure_bucket()
        with s3_errors():
            try:
                set_rules(self._client, self._bucket, seconds)
            except S3Error as error:
                raise LifetimesRefused(f"The object store takes no lifecycle rules ({error.code}).") from error

    def sign(self, key: str, *, expires_seconds: int, filename: str) -> str:
        if self._public_base and key.startswith(OUTPUTS):
            return f"{self._public_base}/{quote(key)}"
        return self._signer.presigned_get_object(
            self._bucket,
            key,
            expires=timedelta(seconds=expires_seconds),
            response_headers={"response-content-disposition": _disposition(filename)},
            request_date=datetime.fromtimestamp(self._clock(), UTC),
        )

    def offer(self, key: str, *, max_bytes: int, expires_seconds: int) -> UploadOffer:
        if not self._bucket_seen:
            self.ensure_bucket()
        policy = PostPolicy(self._bucket, datetime.fromtimestamp(self._clock() + expires_seconds, UTC))
        policy.add_equals_condition("key", key)
        policy.add_content_length_range_condition(1, max_bytes)
        # The client tells no bucket's address, but those of blobs in it.
        address = self._signer.presigned_get_object(self._bucket, key).partition("?")[0]
        fields = {"key": key, **self._signer.presigned_post_policy(policy)}
        return UploadOffer(address.removesuffix(quote(f"/{key}")), fields)

    def ping(self) -> None:
        self.ensure_bucket()


def connect_s3(endpoint: str, *, access_key: str, secret_key: str, region: str) -> Minio:
    """A thread-safe client; connects when first used. An outage shows within seconds.

    The region is given, so that signing asks the server nothing.
    """
    scheme, _, host = endpoint.rstrip("/").partition("://")
    pool = urllib3.PoolManager(
        maxsize=16,
        # What is called the connect timeout bounds each write of an upload too: a loaded disk may take seconds.
        timeout=Timeout(connect=5, read=10),
        # The one retry of a read is for connections that died in the pool, as after a restart of the server.
        retries=Retry(total=2, read=1, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504)),
    )
    return Minio(
        host,
        access_key=access_key,
        secret_key=secret_key,
        secure=scheme == "https",
        region=region,
        http_client=pool,
    )


def pour(response: Any, sink: Sink, max_bytes: int) -> None:
    """Give `sink` all of an object's content, and the connection back. Raises `ContentTooLarge`."""
    with _returned(response):
        transfer(response.stream(_PIECE_BYTES), sink, max_bytes)


class _Complete:
    """A stream that does not end before it was read as far as the client wants: its own error would look like ours."""

    def __init__(self, data: BinaryIO) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        """Raises `ValueError` where the data ends too early."""
        content = self._data.read(size)
        if size and not content:
            raise ValueError("The data ended before its length was reached.")
        return content


@contextmanager
def s3_errors(key: str | None = None) -> Iterator[None]:
    """Turn the client's errors into ours. A store that refuses us (wrong keys, say) is the operator's to mend."""
    try:
        yield
    except S3Error as error:
        if key is not None and error.code in _MISSING:
            raise BlobNotFound(f"There is no blob {key}.") from error
        raise BlobStoreUnavailable(f"The object store refused the request ({error.code}).") from error
    except (MinioException, HTTPError, OSError) as error:
        raise BlobStoreUnavailable("The object store does not answer.") from error


@contextmanager
def _returned(response: urllib3.BaseHTTPResponse) -> Iterator[urllib3.BaseHTTPResponse]:
    """Its connection is back in the pool afterwards, however much of it was read."""
    try:
        yield response
    finally:
        response.close()
        response.release_conn()


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    with _returned(response), s3_errors():
        yield from response.stream(_PIECE_BYTES)


def _moment(time: datetime | None) -> float:
    if time is None:
        raise BlobStoreUnavailable("The object store does not say when a blob was stored.")
    return time.timestamp()


def _disposition(filename: str) -> str:
    """A header value that browsers save under `filename`; RFC 6266's form carries what ASCII cannot."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in filename)
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'attachment; filename="{plain}"{extended}'
