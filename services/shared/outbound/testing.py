"""The world outside in memory: names, servers and other people's buckets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.shared.errors import BlobStoreUnavailable, UrlNotServed, UrlUnreachable
from services.shared.outbound.guard import Guard
from services.shared.outbound.transfer import transfer
from services.shared.ports import Sink


class ScriptedResolver:
    """A resolver that knows no host but those it was told of; everything under `.test` is public at first.

    A host with several answers gives one after the other, and the last one from then on: how names are rebound.
    """

    PUBLIC = "93.184.215.14"

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host, [])
        if len(answers) > 1:
            return answers.pop(0)
        if answers:
            return answers[0]
        if not host.endswith(".test"):
            raise OSError(f"There is no {host}.")
        return [self.PUBLIC]


@dataclass(frozen=True)
class Posted:
    """A request that a `MemoryOutbound` was asked to make."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str]


class MemoryOutbound:
    """`Outbound` without a network: real judgements, on a scripted resolver, and scripted servers behind them."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.resolver = ScriptedResolver()
        self._guard = Guard(allowed, self.resolver)
        #: What lies where.
        self.pages: dict[str, bytes] = {}
        #: What the next posts are answered, in this order: a status, or an error. Then 204.
        self.answers: list[int | Exception] = []
        self.posted: list[Posted] = []
        #: URLs whose servers do not answer.
        self.unreachable: set[str] = set()

    def check(self, url: str) -> None:
        self._guard.judge(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        self._reach(url)
        self.posted.append(Posted(url, body, headers))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fetch(self, url: str, sink: Sink, *, max_bytes: int, seconds: float) -> None:
        self._reach(url)
        if url not in self.pages:
            raise UrlNotServed("The URL's server answered 404.")
        transfer([self.pages[url]], sink, max_bytes)

    def _reach(self, url: str) -> None:
        self.check(url)
        if url in self.unreachable:
            raise UrlUnreachable("The URL's server could not be reached, or broke off.")


class MemoryBucketReader:
    """`BucketReader` on a dict, by bucket and key."""

    def __init__(self) -> None:
        self.down = False
        self.objects: dict[tuple[str, str], bytes] = {}

    def fetch(self, bucket: str, key: str, sink: Sink, *, max_bytes: int) -> None:
        if self.down:
            raise BlobStoreUnavailable("The object store does not answer.")
        if (bucket, key) not in self.objects:
            raise UrlNotServed("The object store does not give the object out (NoSuchKey).")
        transfer([self.objects[bucket, key]], sink, max_bytes)
