"""An API key's record as the JSON document that stores keep."""

from services.shared.api_key import ApiKey, Quotas
from services.shared.job_codec import encode_record, from_known_fields, read_record
from services.shared.priority import Priority


def encode_key(key: ApiKey) -> str:
    return encode_record(key)


def decode_key(document: str) -> ApiKey:
    """Raises `JobStoreUnavailable` on a record that only a newer release can read."""
    values = read_record(document)
    values["scopes"] = tuple(values["scopes"])
    quotas = values["quotas"]
    highest = quotas.get("max_priority")
    values["quotas"] = from_known_fields(Quotas, quotas | {"max_priority": highest and Priority(highest)})
    return from_known_fields(ApiKey, values)
