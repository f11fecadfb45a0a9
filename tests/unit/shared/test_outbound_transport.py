"""What a request holds to while it runs: the judged address, the URL's own certificate, one deadline."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpcore
import pytest

from services.shared.errors import UrlUnreachable
from services.shared.outbound.client import HttpOutbound
from services.shared.outbound.guard import Guard
from services.shared.outbound.testing import ScriptedResolver
from services.shared.testing import ManualClock
from tests.addresses import Wire, WireStream, redirect
from tests.certificates import make_certificate
from tests.receiver import Receiver, receiving

NAME = "receiver.test"
PLAIN = ssl.create_default_context()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture
def heard() -> list[str | None]:
    """The server names that clients asked for in their handshakes."""
    return []


@pytest.fixture
def receiver(certificate: Path, heard: list[str | None]) -> Iterator[Receiver]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)

    def note(_socket: object, name: str | None, _context: object) -> None:
        heard.append(name)

    server.sni_callback = note
    with receiving(server) as receiver:
        yield receiver


def _trusting(certificate: Path) -> HttpOutbound:
    names = ScriptedResolver()
    names.answers = {NAME: [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}
    return HttpOutbound(Guard([NAME, "other.test"], names), tls=ssl.create_default_context(cafile=str(certificate)))


def _url(receiver: Receiver, name: str) -> str:
    return f"https://{name}:{receiver.url.rpartition(':')[2]}/hook?token=1"


def test_the_judged_address_is_asked_under_the_urls_own_name(
    certificate: Path, receiver: Receiver, heard: list[str | None]
) -> None:
    url = _url(receiver, NAME)
    assert _trusting(certificate).post(url, b"{}", {}, seconds=10) == 204
    assert heard == [NAME]
    (request,) = receiver.received
    assert request.headers["host"] == url.split("/")[2]
    assert request.path == "/hook?token=1"


def test_a_certificate_for_another_name_is_not_believed(certificate: Path, receiver: Receiver) -> None:
    with pytest.raises(UrlUnreachable):
        _trusting(certificate).post(_url(receiver, "other.test"), b"{}", {}, seconds=10)
    assert receiver.received == []


def test_a_certificate_of_nobody_we_know_is_not_believed(receiver: Receiver) -> None:
    names = ScriptedResolver()
    names.answers = {NAME: [["127.0.0.1"]]}
    with pytest.raises(UrlUnreachable):
        HttpOutbound(Guard([NAME], names), tls=PLAIN).post(_url(receiver, NAME), b"{}", {}, seconds=10)
    assert receiver.received == []


# --- one deadline -----------------------------------------------------------------------------------


class Dripping(Wire):
    """Sends one byte of an endless answer a second, on the test's clock, and keeps every timeout it was given."""

    def __init__(self, clock: ManualClock, head: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        super().__init__(says=head)
        self.clock = clock
        self.timeouts: list[float | None] = []

    def connect_tcp(self, *_: object, **__: object) -> httpcore.NetworkStream:
        return DrippingStream(self)


class DrippingStream(WireStream):
    def __init__(self, wire: Dripping) -> None:
        super().__init__(wire)
        self._dripping = wire
        self._head = wire.says

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._dripping.timeouts.append(timeout)
        self._dripping.clock.advance(1.0)
        head, self._head = self._head, b"x"
        return head


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_a_server_that_sends_a_byte_now_and_then_gains_no_time(head: bytes) -> None:
    clock = ManualClock()
    wire = Dripping(clock, head)
    outbound = HttpOutbound(Guard((), ScriptedResolver()), tls=PLAIN, backend=wire, clock=clock)
    started = clock()
    with pytest.raises(UrlUnreachable, match="in time"):
        outbound.fetch("https://slow.test/", bytes, max_bytes=1_000, seconds=5)
    assert clock() - started <= 5
    assert wire.timeouts == sorted((given for given in wire.timeouts if given), reverse=True)


def test_all_hops_share_one_deadline() -> None:
    clock = ManualClock()
    wire = Dripping(clock, redirect("/next"))
    outbound = HttpOutbound(Guard((), ScriptedResolver()), tls=PLAIN, backend=wire, clock=clock)
    with pytest.raises(UrlUnreachable, match="in time"):
        outbound.fetch("https://slow.test/", bytes, max_bytes=1_000, seconds=3)
    assert wire.timeouts == [3, 2, 1]


# --- several addresses ------------------------------------------------------------------------------


def test_an_address_that_refuses_leaves_its_turn_to_the_next() -> None:
    names = ScriptedResolver()
    names.answers = {"two.test": [["2606:4700::1111", "93.184.215.14"]]}
    wire = Wire(dead={"2606:4700::1111"})
    assert HttpOutbound(Guard((), names), tls=PLAIN, backend=wire).post("https://two.test/", b"", {}, seconds=5) == 200
    assert [address for address, _ in wire.connected] == ["2606:4700::1111", "93.184.215.14"]


def test_a_host_all_of_whose_addresses_refuse_is_unreachable() -> None:
    wire = Wire(dead={ScriptedResolver.PUBLIC})
    with pytest.raises(UrlUnreachable):
        HttpOutbound(Guard((), ScriptedResolver()), tls=PLAIN, backend=wire).post("https://a.test/", b"", {}, seconds=5)


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_server_that_speaks_otherwise_or_breaks_off_is_told(says: bytes) -> None:
    outbound = HttpOutbound(Guard((), ScriptedResolver()), tls=PLAIN, backend=Wire(says=says))
    with pytest.raises(UrlUnreachable):
        outbound.fetch("https://a.test/", bytes, max_bytes=1_000, seconds=5)


def test_nothing_is_unpacked_and_no_environment_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    wire = Wire(says=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
    pieces: list[bytes] = []
    HttpOutbound(Guard((), ScriptedResolver()), tls=PLAIN, backend=wire).fetch(
        "https://a.test/", pieces.append, max_bytes=4, seconds=5
    )
    assert b"".join(pieces) == b"\x1f\x8b\x08\x00"
    assert b"Accept-Encoding: identity" in b"".join(wire.written)
    assert [address for address, _ in wire.connected] == [ScriptedResolver.PUBLIC]
