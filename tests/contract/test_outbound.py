"""What every `Outbound` must do. Which URLs it refuses is held in the table of bad addresses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from services.shared.errors import ContentTooLarge, UrlNotServed, UrlRefused, UrlUnreachable
from services.shared.outbound.client import HttpOutbound
from services.shared.outbound.guard import Guard, resolve
from services.shared.outbound.testing import MemoryOutbound
from services.shared.ports import Outbound
from services.shared.servers import LOOPBACK, free_port
from tests.receiver import answer, receiving


@dataclass(frozen=True)
class Harness:
    outbound: Outbound
    #: A server that serves this content, or answers posts with this status.
    serving: Callable[[bytes], str]
    answering: Callable[[int], str]
    #: A URL of no server.
    nowhere: str
    #: What the server was sent last: body and headers.
    last: Callable[[], tuple[bytes, dict[str, str]]]


@pytest.fixture(params=["memory", "http"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        yield _memory()
        return
    with receiving() as receiver:

        def serve(status: int, content: bytes = b"") -> str:
            receiver.answers = [answer(status, content)]
            return f"{receiver.url}/there"

        def last() -> tuple[bytes, dict[str, str]]:
            return receiver.received[-1].body, dict(receiver.received[-1].headers)

        yield Harness(
            HttpOutbound(Guard([LOOPBACK], resolve)),
            lambda content: serve(200, content),
            serve,
            f"http://{LOOPBACK}:{free_port()}/",
            last,
        )


def _memory() -> Harness:
    outbound = MemoryOutbound()

    def serve(content: bytes) -> str:
        outbound.pages["https://there.test/"] = content
        return "https://there.test/"

    def answering(status: int) -> str:
        outbound.answers = [status]
        return "https://there.test/"

    def last() -> tuple[bytes, dict[str, str]]:
        return outbound.posted[-1].body, dict(outbound.posted[-1].headers)

    outbound.unreachable.add("https://nowhere.test/")
    return Harness(outbound, serve, answering, "https://nowhere.test/", last)


@pytest.mark.parametrize("status", [200, 204, 302, 404, 410, 500])
def test_a_post_is_answered_by_its_status(harness: Harness, status: int) -> None:
    url = harness.answering(status)
    assert harness.outbound.post(url, b'{"a": 1}', {"webhook-id": "7"}, seconds=5) == status
    body, headers = harness.last()
    assert (body, headers["webhook-id"]) == (b'{"a": 1}', "7")


def test_a_fetch_brings_all_there_is_up_to_the_limit(harness: Harness) -> None:
    pieces: list[bytes] = []
    harness.outbound.fetch(harness.serving(b"x" * 100_000), pieces.append, max_bytes=100_000, seconds=5)
    assert b"".join(pieces) == b"x" * 100_000


def test_a_fetch_beyond_the_limit_ends_there(harness: Harness) -> None:
    pieces: list[bytes] = []
    with pytest.raises(ContentTooLarge, match="99999"):
        harness.outbound.fetch(harness.serving(b"x" * 100_000), pieces.append, max_bytes=99_999, seconds=5)
    assert len(b"".join(pieces)) <= 99_999


def test_what_is_not_there_is_told(harness: Harness) -> None:
    url = harness.answering(404)
    with pytest.raises(UrlNotServed, match="404"):
        harness.outbound.fetch(url, bytes, max_bytes=10, seconds=5)


def test_a_server_that_is_not_there_is_told(harness: Harness) -> None:
    harness.outbound.check(harness.nowhere)
    with pytest.raises(UrlUnreachable):
        harness.outbound.post(harness.nowhere, b"", {}, seconds=5)
    with pytest.raises(UrlUnreachable):
        harness.outbound.fetch(harness.nowhere, bytes, max_bytes=10, seconds=5)


def test_what_is_refused_is_refused_by_every_call(harness: Harness) -> None:
    url, outbound = "https://10.0.0.1/", harness.outbound
    for call in (
        lambda: outbound.check(url),
        lambda: outbound.post(url, b"", {}, seconds=5),
        lambda: outbound.fetch(url, bytes, max_bytes=10, seconds=5),
    ):
        with pytest.raises(UrlRefused):
            call()
