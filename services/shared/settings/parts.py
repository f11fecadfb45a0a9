"""The servers that the processes stand on."""

from typing import Annotated, Literal, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from services.shared.settings.section import Section

Encryption = Literal["none", "sse-s3", "sse-kms"]


class PartsSettings(Section):
    """Where Redis, the broker and the object store are."""

    TITLE = "parts"

    #: Job records, and the queue: redis://[:password@]host:port/db, or rediss:// for TLS.
    redis_url: SecretStr
    #: Celery's broker; Redis unless told otherwise.
    broker_url: SecretStr | None = None
    #: The object store, as the services reach it: http(s)://host:port.
    s3_endpoint: HttpUrl
    #: What clients reach the object store under; signed URLs name it.
    s3_public_endpoint: HttpUrl | None = None
    #: Who the services are to the object store.
    s3_access_key: SecretStr
    #: Its secret.
    s3_secret_key: SecretStr
    #: Where references and audio are kept; made if it is not there.
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "timbre"
    #: What signatures name; most stores but Amazon's ignore it.
    s3_region: str = "us-east-1"
    #: How the store encrypts what is put into the bucket: `none` leaves the bucket as it is, `sse-s3` is the store's
    #: own key, `sse-kms` is S3_KMS_KEY_ID. A store that cannot counts as away.
    s3_encryption: Encryption = "none"
    #: The key for `sse-kms`.
    s3_kms_key_id: str | None = None
    #: A CDN in front of finished audio: `{base}/{key}` replaces the signed URL.
    public_audio_base_url: HttpUrl | None = None
    #: How long a signed URL is good for.
    result_url_seconds: Annotated[int, Field(ge=60, le=604_800)] = 3_600

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("expected redis://[:password@]host:port/db, or rediss:// for TLS")
        return url

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _check_endpoint(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password or url.query or url.path not in (None, "/")):
            raise ValueError("expected http(s)://host:port alone; credentials go into S3_ACCESS_KEY and S3_SECRET_KEY")
        return url

    @model_validator(mode="after")
    def _check_encryption(self) -> Self:
        if (self.s3_encryption == "sse-kms") != (self.s3_kms_key_id is not None):
            raise ValueError("S3_ENCRYPTION, S3_KMS_KEY_ID: expected sse-kms together with a key, or neither")
        return self
