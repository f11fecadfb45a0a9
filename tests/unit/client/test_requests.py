"""What every call has in common: key, address, errors, and which requests are sent again."""

import logging
from typing import Any

import httpx
import pytest

from tests.unit.api.client import BOB, REFERENCE, REFERENCE_TEXT, add_job
from timbre_client import (
    ApiError,
    AsyncTimbre,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    ServerUnreachable,
    ServiceUnavailableError,
    Timbre,
    TimbreError,
    UnexpectedAnswer,
)

from .kit import URL, Kit

REFUSED = httpx.ConnectError("refused")
CUT = httpx.ReadTimeout("")


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    return httpx.Response(status, headers=headers, json={"type": "/problems/x", "title": "A title", **members})


def create(kit: Kit, **options: Any) -> Any:
    return kit.call(kit.client.tts.create, "Hello.", voice=REFERENCE, ref_text=REFERENCE_TEXT, **options)


# --- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (413, InvalidRequestError),
        (422, InvalidRequestError),
        (429, RateLimitError),
        (500, ServerError),
        (503, ServiceUnavailableError),
    ],
)
def test_each_status_has_its_error(kit: Kit, status: int, kind: type[ApiError]) -> None:
    answer = problem(status, {"Retry-After": "61"}, detail="It is so.", field="voice", request_id="r1", accepted="a")
    kit.served.happenings = [answer]
    with pytest.raises(TimbreError) as refused:
        kit.call(kit.client.jobs.get, "j1")
    error = refused.value
    assert type(error) is kind
    assert (error.status, error.type, error.title, error.detail) == (status, "/problems/x", "A title", "It is so.")
    assert (error.field, error.request_id, error.accepted, error.retry_after) == ("voice", "r1", "a", 61.0)
    assert str(error) == "voice: It is so."


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (problem(404), "A title"),
        (problem(404, detail="`field` is it.", field="field"), "`field` is it."),
        (httpx.Response(502, text="<html>"), "The server answered 502 Bad Gateway."),
        (httpx.Response(404, json=["odd"]), "The server answered 404 Not Found."),
        (httpx.Response(404, json={"detail": ["odd"]}), "The server answered 404 Not Found."),
    ],
)
def test_an_error_says_what_there_is_to_say(kit: Kit, answer: httpx.Response, message: str) -> None:
    kit.served.happenings = [answer]
    with pytest.raises(ApiError) as refused:
        kit.call(kit.client.jobs.get, "j1")
    assert str(refused.value) == message


def test_a_moment_to_come_back_may_be_a_date(kit: Kit) -> None:
    kit.served.happenings = [problem(429, {"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"})]
    with pytest.raises(RateLimitError) as refused:
        kit.call(kit.client.jobs.get, "j1")
    assert refused.value.retry_after > 1e9
    assert kit.naps == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"job_id": 1}),
        httpx.Response(302, headers={"Location": "http://elsewhere.test/"}),
    ],
)
def test_a_server_that_is_not_timbre(kit: Kit, answer: httpx.Response) -> None:
    kit.served.happenings = [answer]
    with pytest.raises(UnexpectedAnswer):
        kit.call(kit.client.jobs.get, "j1")
    assert len(kit.served.requests) == 1


# --- sending again ---------------------------------------------------------------------------------


def test_what_only_reads_is_tried_again(kit: Kit) -> None:
    stored = add_job(kit.parts, owner="alice")
    kit.served.happenings = [CUT, problem(503)]
    assert kit.call(kit.client.jobs.get, stored.id).job_id == stored.id
    assert 0.375 <= kit.naps[0] <= 0.5
    assert 0.75 <= kit.naps[1] <= 1.0


def test_what_was_asked_for_is_waited(kit: Kit) -> None:
    kit.served.happenings = [problem(429, {"Retry-After": "9"})]
    assert kit.items(kit.client.jobs.list()) == []
    assert kit.naps == [9.0]


def test_it_is_not_tried_for_ever(kit: Kit) -> None:
    kit.served.happenings = [CUT] * 9
    with pytest.raises(ServerUnreachable, match=r"jobs/j1 does not answer \(ReadTimeout\)"):
        kit.call(kit.client.jobs.get, "j1")
    assert len(kit.served.requests) == 3
    with pytest.raises(ServerUnreachable):
        kit.call(kit.connect(max_retries=0).jobs.get, "j1")
    assert len(kit.served.requests) == 4


def test_a_text_is_sent_again_whole_and_under_the_same_key(kit: Kit) -> None:
    in_use = httpx.Response(409, json={"type": "/problems/idempotency-key-in-use", "title": "t"})
    kit.served.happenings = [CUT, in_use]
    job = create(kit)
    assert len({request.headers["idempotency-key"] for request in kit.served.requests}) == 1
    assert len({len(request.content) for request in kit.served.requests}) == 1
    assert REFERENCE in kit.served.requests[-1].content
    assert kit.parts.queue.sent == [job.job_id]


def test_an_answer_that_was_lost_makes_no_second_job(kit: Kit) -> None:
    """The server took the first request in; only its answer never came."""
    first = create(kit, idempotency_key="k1")
    kit.served.happenings = [CUT]
    assert create(kit, idempotency_key="k1").job_id == first.job_id
    assert kit.parts.queue.sent == [first.job_id]


class Pipe:
    """A recording that can be read once."""

    def __init__(self) -> None:
        self.rest = REFERENCE

    def read(self, size: int = -1) -> bytes:
        taken, self.rest = (self.rest, b"") if size < 0 else (self.rest[:size], self.rest[size:])
        return taken

    def seekable(self) -> bool:
        return False


def test_a_recording_that_can_be_read_once_is_sent_once(kit: Kit) -> None:
    kit.served.happenings = [CUT]
    with pytest.raises(ServerUnreachable):
        kit.call(kit.client.tts.create, "Hello.", voice=Pipe())
    assert len(kit.served.requests) == 1
    assert kit.call(kit.client.tts.create, "Hello.", voice=Pipe(), ref_text=REFERENCE_TEXT).status == "queued"


@pytest.mark.parametrize(
    ("happening", "tries"), [(CUT, 1), (problem(503), 1), (REFUSED, 3), (problem(429), 3), (problem(500), 1)]
)
def test_what_changes_things_is_sent_again_only_if_it_never_arrived(
    kit: Kit, happening: httpx.Response | Exception, tries: int
) -> None:
    kit.served.happenings = [happening] * 9
    with pytest.raises((ApiError, ServerUnreachable)):
        kit.call(kit.client.voices.create, "Anna", sample=REFERENCE, consent="Mine.")
    assert len(kit.served.requests) == tries
    kit.served.requests.clear()
    with pytest.raises((ApiError, ServerUnreachable)):
        kit.call(kit.client.jobs.delete, "j1")
    assert len(kit.served.requests) == tries


# --- key and address -------------------------------------------------------------------------------


def test_another_s_job_is_not_there(kit: Kit) -> None:
    stored = add_job(kit.parts, owner="alice")
    with pytest.raises(NotFoundError):
        kit.call(kit.connect(api_key=BOB).jobs.get, stored.id)
    with pytest.raises(AuthenticationError):
        kit.call(kit.connect(api_key="wrong").jobs.get, stored.id)


def test_a_server_may_stand_under_a_path(kit: Kit) -> None:
    for url in (f"{URL}/timbre/v2", f"{URL}/timbre/v2/"):
        with pytest.raises(NotFoundError):
            kit.call(kit.connect(url).jobs.get, "j/1")
    assert {request.url.raw_path for request in kit.served.requests} == {b"/timbre/v2/jobs/j%2F1"}


@pytest.mark.parametrize("kind", [Timbre, AsyncTimbre])
def test_address_and_key_come_from_the_environment(
    kind: type[Timbre | AsyncTimbre], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIMBRE_URL", raising=False)
    assert repr(kind()) == f"{kind.__name__}('http://127.0.0.1:8000')"
    monkeypatch.setenv("TIMBRE_URL", "https://user:word@far.test:81/")
    monkeypatch.setenv("TIMBRE_API_KEY", " tmb_key\n")
    client = kind()
    assert repr(client) == f"{kind.__name__}('https://far.test:81')"
    assert client._session.address.headers() == {"Authorization": "Bearer tmb_key"}
    assert "tmb_key" not in repr(client._session)


@pytest.mark.parametrize("url", ["far.test", "ftp://far.test", "http://", "http://far:port", "nonsense"])
def test_what_is_no_address_is_told_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no URL"):
        Timbre(url)


@pytest.mark.parametrize("key", ["schlüssel", "a\nb"])
def test_what_is_no_key_is_told_without_telling_it(key: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Timbre(api_key=key)
    assert key not in str(refused.value)


def test_no_log_and_no_error_holds_key_text_or_link(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "timbre_client")
    kit.served.happenings = [REFUSED]
    kit.call(kit.client.tts.create, "A secret.", voice=REFERENCE, ref_text=REFERENCE_TEXT)
    (record,) = caplog.records
    assert record.getMessage().startswith("POST /tts again in 0.")
    assert "secret" not in record.getMessage()
    kit.served.happenings = [CUT] * 3
    with pytest.raises(ServerUnreachable) as away:
        kit.items(kit.client.voices.list(name="Secret"))
    assert "Secret" not in str(away.value)
