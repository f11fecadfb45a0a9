"""Lifecycle rules of a bucket: ours set, everybody else's kept to the letter.

The client's own model of a rule knows only part of what S3 has (not filters by size, not two transitions), so rules
that are not ours are passed on as the XML that they came in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import S3Error
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

_NAME: Final = "timbre-"
_NONE_YET: Final = "NoSuchLifecycleConfiguration"
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class _Rules(LifecycleConfig):
    """Our rules, and others' as they came."""

    others: Sequence[ElementTree.Element]

    def toxml(self, element: ElementTree.Element | None) -> ElementTree.Element:
        root = super().toxml(element)
        root.extend(self.others)
        return root


def set_rules(client: Minio, bucket: str, seconds: Mapping[str, float]) -> None:
    """Expire what is older than that under each prefix. Writes nothing where that is so already. Raises `S3Error`."""
    wanted = {_rule_id(prefix): (prefix, _days(lifetime)) for prefix, lifetime in seconds.items()}
    found = _read(client, bucket)
    others = [rule for rule in found if rule.findtext("ID") not in wanted]
    if {str(rule.findtext("ID")): _what(rule) for rule in found if rule not in others} == wanted:
        return
    ours = [
        Rule(ENABLED, rule_filter=Filter(prefix=prefix), rule_id=rule_id, expiration=Expiration(days=days))
        for rule_id, (prefix, days) in wanted.items()
    ]
    client.set_bucket_lifecycle(bucket, _Rules(ours, others))


def _rule_id(prefix: str) -> str:
    return f"{_NAME}{prefix.strip('/')}"


def _days(seconds: float) -> int:
    """Whole days that are longer: audio is stored a moment before its lifetime begins."""
    return int(seconds // _DAY_SECONDS) + 1


def _what(rule: ElementTree.Element) -> tuple[str, int] | None:
    """The prefix and the days of one of our rules; None of one that somebody changed or switched off."""
    if rule.findtext("Status") != ENABLED:
        return None
    return rule.findtext("Filter/Prefix") or "", int(rule.findtext("Expiration/Days") or 0)


def _read(client: Minio, bucket: str) -> list[ElementTree.Element]:
    """The bucket's rules, without the namespace that the whole document is given again."""
    try:
        # The client has no other way to a rule's own words.
        response = client._execute("GET", bucket, query_params={"lifecycle": ""})
    except S3Error as error:
        if error.code != _NONE_YET:
            raise
        return []
    root = ElementTree.fromstring(response.data)  # noqa: S314 (the object store's word, as the client reads it too)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root.findall("Rule")
