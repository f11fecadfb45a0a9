"""A job as the JSON document that stores keep; other records take the same form.

Readers skip fields they do not know and give missing ones their defaults, so that processes of two releases can
share a store. Only a change that older readers would misread raises `VERSION`.
"""

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

from services.shared.errors import JobStoreUnavailable
from services.shared.job import Job, JobFault, JobInput, JobOutput, JobStatus, LongText, Speaker
from services.shared.priority import Priority

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = 1

_Record = TypeVar("_Record")


def encode_job(job: Job) -> str:
    return encode_record(job)


def decode_job(document: str) -> Job:
    """Raises `JobStoreUnavailable` on a record that only a newer release can read."""
    values = read_record(document)
    values["status"] = JobStatus(values["status"])
    values["priority"] = Priority(values.get("priority", Priority.DEFAULT))
    values["input"] = _input(values["input"])
    values["output"] = values["output"] and from_known_fields(JobOutput, values["output"])
    values["fault"] = values["fault"] and from_known_fields(JobFault, values["fault"])
    return from_known_fields(Job, values)


def _input(values: dict[str, Any]) -> JobInput:
    long = values.get("long")
    speakers = tuple(from_known_fields(Speaker, speaker) for speaker in values.get("speakers", ()))
    parts = {"long": long and from_known_fields(LongText, long), "speakers": speakers}
    return from_known_fields(JobInput, values | parts)


def encode_record(record: "DataclassInstance") -> str:
    return json.dumps({"version": VERSION, **asdict(record)}, ensure_ascii=False, separators=(",", ":"))


def read_record(document: str) -> dict[str, Any]:
    """A record's fields. Raises `JobStoreUnavailable` where only a newer release can read them."""
    values: dict[str, Any] = json.loads(document)
    if values["version"] > VERSION:
        raise JobStoreUnavailable(f"The record has version {values['version']}; this release reads {VERSION}.")
    return values


def from_known_fields(cls: type[_Record], values: dict[str, Any]) -> _Record:
    """A dataclass from a newer release's values: those it does not know are left out."""
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in values.items() if name in names})
