"""How a bucket encrypts what is put into it."""

from minio import Minio
from minio.sseconfig import AES256, Rule, SSEConfig

from services.shared.settings import Encryption


def set_encryption(client: Minio, bucket: str, encryption: Encryption, kms_key_id: str | None) -> None:
    """Have the store encrypt by default; `none` leaves the bucket as it is. Writes nothing where that is so already.

    Raises `S3Error`, also where the store cannot encrypt: nothing is kept in the clear that should not be.
    """
    if encryption == "none":
        return
    wanted = Rule.new_sse_s3_rule() if encryption == "sse-s3" else Rule.new_sse_kms_rule(kms_key_id)
    found = client.get_bucket_encryption(bucket)
    if found is None or _what(found.rule) != _what(wanted):
        client.set_bucket_encryption(bucket, SSEConfig(wanted))


def _what(rule: Rule) -> tuple[str, str | None]:
    """The algorithm and, where it is a key of the operator's, which."""
    return rule.sse_algorithm, None if rule.sse_algorithm == AES256 else rule.kms_master_key_id
