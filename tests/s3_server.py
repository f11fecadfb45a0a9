"""What tests know of the S3 server that `tests/conftest.py` starts."""

from dataclasses import dataclass

from minio import Minio

from services.shared.adapters.s3_blobs import connect_s3
from services.shared.settings import Settings


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str
    secret_key: str
    #: Where the files behind S3 are served, to those who can sign for them.
    filer_port: int


def s3_client(settings: Settings) -> Minio:
    """What the services connect with."""
    return connect_s3(
        str(settings.s3_endpoint),
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=settings.s3_region,
    )
