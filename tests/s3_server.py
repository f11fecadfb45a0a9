"""What tests know of the S3 server that `tests/conftest.py` starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str
    secret_key: str
    #: Where the files behind S3 are served, to those who can sign for them.
    filer_port: int
