"""`BucketReader` on any store that speaks S3."""

from typing import Any, Final

from minio import Minio
from minio.error import S3Error

from services.shared.adapters.s3_blobs import pour, s3_errors
from services.shared.errors import UrlNotServed
from services.shared.ports import Sink

_NOT_SERVED: Final = ("NoSuchKey", "NoSuchObject", "NoSuchBucket", "AccessDenied")


class S3BucketReader:
    """Reads as the service itself: which buckets may be named is for the caller to decide."""

    def __init__(self, client: Minio) -> None:
        self._client = client

    def fetch(self, bucket: str, key: str, sink: Sink, *, max_bytes: int) -> None:
        with s3_errors():
            pour(self._open(bucket, key), sink, max_bytes)

    def _open(self, bucket: str, key: str) -> Any:
        try:
            return self._client.get_object(bucket, key)
        except ValueError as error:
            raise UrlNotServed("The URL names no object that the object store could have.") from error
        except S3Error as error:
            if error.code not in _NOT_SERVED:
                raise
            raise UrlNotServed(f"The object store does not give the object out ({error.code}).") from error
