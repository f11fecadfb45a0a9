"""Nobody makes us ask what is not on the public internet: not at submit, not when connecting, not by a redirect."""

import dataclasses
import ssl
from collections.abc import Callable

import pytest

from services.shared.errors import UrlNotServed, UrlRefused, UrlUnreachable
from services.shared.outbound.client import HttpOutbound
from services.shared.outbound.guard import Guard
from services.shared.parts import Parts
from services.shared.signing import new_secret
from services.shared.testing import memory_parts
from tests.addresses import BAD, GOOD, Wire, redirect, resolver
from tests.unit.api.client import REFERENCE_TEXT, Client

SECRET = new_secret()
TLS = ssl.create_default_context()
#: What cannot stand in a header, and what means the redirecting host itself there.
NOT_FOR_REDIRECTS = {"https://public.test/\r\nX-Injected: yes", "https://public.test/\x00", "https:///path"}


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def outbound(wire: Wire) -> HttpOutbound:
    return HttpOutbound(Guard((), resolver()), tls=TLS, backend=wire)


@pytest.fixture
def client(outbound: HttpOutbound) -> Client:
    return Client(dataclasses.replace(memory_parts(webhook_secret=SECRET), outbound=outbound))


def _with_webhook(client: Client, url: str) -> tuple[int, dict[str, str]]:
    answer = client.speak(webhook_url=url)
    return answer.status_code, answer.json()


def _with_voice(client: Client, url: str) -> tuple[int, dict[str, str]]:
    # A multipart form even without a file.
    parts = {"text": (None, "Hello."), "ref_text": (None, REFERENCE_TEXT), "voice_url": (None, url)}
    answer = client.post("/tts", files=parts)
    return answer.status_code, answer.json()


def _stored(parts: Parts) -> int:
    return len(parts.jobs.queued(10)) + len(parts.blobs.blobs)


def test_the_table_is_long_enough() -> None:
    assert len(set(BAD)) == len(BAD) > 40


@pytest.mark.parametrize("field", ["webhook_url", "voice_url"])
@pytest.mark.parametrize("url", BAD)
def test_refused_at_submit(client: Client, wire: Wire, url: str, field: str) -> None:
    submit = _with_webhook if field == "webhook_url" else _with_voice
    status, problem = submit(client, url)
    assert (status, problem["type"], problem["field"]) == (422, "/problems/url-refused", field)
    assert "public address" in problem["accepted"]
    assert wire.connected == []
    assert _stored(client.parts) == 0


@pytest.mark.parametrize("url", BAD)
def test_refused_when_connecting(outbound: HttpOutbound, wire: Wire, url: str) -> None:
    with pytest.raises(UrlRefused):
        outbound.post(url, b"{}", {}, seconds=5)
    with pytest.raises(UrlRefused):
        outbound.fetch(url, bytes, max_bytes=10, seconds=5)
    assert wire.connected == []


@pytest.mark.parametrize("url", [url for url in BAD if "://" in url and url not in NOT_FOR_REDIRECTS])
def test_refused_as_a_redirects_target(outbound: HttpOutbound, wire: Wire, url: str) -> None:
    wire.says = redirect(url)
    with pytest.raises((UrlRefused, UrlUnreachable)):
        outbound.fetch("https://public.test/", bytes, max_bytes=10, seconds=5)
    assert wire.connected == [("93.184.215.14", 443)]


@pytest.mark.parametrize("url", ["//127.0.0.1/", "//localhost:8443/x", "http:/next", "https://public.test:22/"])
def test_redirects_without_a_scheme_are_refused_too(outbound: HttpOutbound, wire: Wire, url: str) -> None:
    wire.says = redirect(url)
    with pytest.raises(UrlRefused):
        outbound.fetch("https://public.test/", bytes, max_bytes=10, seconds=5)
    assert len(wire.connected) == 1


def test_webhooks_follow_no_redirect_at_all(outbound: HttpOutbound, wire: Wire) -> None:
    wire.says = redirect("https://public.test/other")
    assert outbound.post("https://public.test/", b"{}", {}, seconds=5) == 302
    assert len(wire.connected) == 1


def test_redirects_end(outbound: HttpOutbound, wire: Wire) -> None:
    wire.says = redirect("/round/and/round")
    with pytest.raises(UrlNotServed, match="redirects"):
        outbound.fetch("https://public.test/", bytes, max_bytes=10, seconds=5)
    assert len(wire.connected) == 5


# --- names that change what they mean ---------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda outbound, url: outbound.post(url, b"{}", {}, seconds=5),
        lambda outbound, url: outbound.fetch(url, bytes, max_bytes=10, seconds=5),
    ],
    ids=["post", "fetch"],
)
def test_a_name_is_asked_once_a_request_and_the_answer_is_where_we_go(
    wire: Wire, call: Callable[[HttpOutbound, str], object]
) -> None:
    names = resolver()
    names.answers["rebinding.test"] = [["93.184.215.14"], ["127.0.0.1"]]
    outbound = HttpOutbound(Guard((), names), tls=TLS, backend=wire)
    call(outbound, "https://rebinding.test/")
    assert wire.connected == [("93.184.215.14", 443)]
    assert wire.checked == ["rebinding.test"]
    with pytest.raises(UrlRefused):
        call(outbound, "https://rebinding.test/")
    assert wire.connected == [("93.184.215.14", 443)]


def test_a_webhook_rebound_after_submit_is_not_sent(wire: Wire) -> None:
    names = resolver()
    names.answers["rebinding.test"] = [["93.184.215.14"], ["127.0.0.1"]]
    parts = memory_parts(webhook_secret=SECRET)
    client = Client(dataclasses.replace(parts, outbound=HttpOutbound(Guard((), names), tls=TLS, backend=wire)))
    assert client.speak(webhook_url="https://rebinding.test/").status_code == 202
    with pytest.raises(UrlRefused):
        client.parts.outbound.post("https://rebinding.test/", b"{}", {}, seconds=5)
    assert wire.connected == []


def test_a_redirect_to_a_name_that_was_rebound_is_refused(wire: Wire) -> None:
    names = resolver()
    names.answers["rebinding.test"] = [["93.184.215.14"], ["10.0.0.1"]]
    wire.says = redirect("https://rebinding.test/again")
    with pytest.raises(UrlRefused):
        HttpOutbound(Guard((), names), tls=TLS, backend=wire).fetch(
            "https://rebinding.test/", bytes, max_bytes=9, seconds=5
        )
    assert len(wire.connected) == 1


# --- what passes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", GOOD)
def test_public_addresses_pass(outbound: HttpOutbound, wire: Wire, url: str) -> None:
    assert outbound.post(url, b"{}", {}, seconds=5) == 200
    request = b"".join(wire.written)
    assert request.startswith(b"POST /")
    assert b"fragment" not in request
    assert len(wire.connected) == len(wire.checked) == 1


@pytest.mark.parametrize(
    ("allowed", "url", "passes"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000/", True),
        ("127.0.0.0/8", "http://localhost:9000/", False),  # also ::1, which is not listed
        ("localhost", "http://localhost:9000/", True),
        ("10.0.0.0/8", "https://10.1.2.3:9000/", True),
        ("192.168.1.20/32", "http://printer.internal/", True),
        ("Printer.Internal.", "http://printer.internal:631/", True),
        ("::1", "http://[::1]:9000/", True),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", False),
        ("127.0.0.1", "http://127.0.0.2/", False),
        ("internal", "http://printer.internal/", False),
        ("public.test", "http://public.test:8080/", True),
        ("public.test", "http://user@public.test/", False),
    ],
)
def test_what_the_operator_lists_passes(wire: Wire, allowed: str, url: str, passes: bool) -> None:
    outbound = HttpOutbound(Guard([allowed], resolver()), tls=TLS, backend=wire)
    if passes:
        assert outbound.post(url, b"{}", {}, seconds=5) == 200
    else:
        with pytest.raises(UrlRefused):
            outbound.post(url, b"{}", {}, seconds=5)
    assert len(wire.connected) == int(passes)
