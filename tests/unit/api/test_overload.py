"""A queue that is full, and what those hear who come then."""

from collections.abc import Callable

import pytest

from services.api.callers.errors import Overloaded
from services.api.jobs.estimates import Estimator
from services.api.jobs.overload import Overload
from services.shared.errors import JobStoreUnavailable
from services.shared.parts import Parts
from services.shared.ports import WorkerBeat
from services.shared.testing import memory_parts
from tests.unit.api.client import ALICE, BOB, KEYS, REFERENCE, REFERENCE_TEXT, Client, add_job, bearer

#: A second of audio.
TEXT = "Fifteen letters"


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client(max_queued_seconds=4, api_keys=KEYS)


def fill(parts: Parts, count: int = 4, owner: str = "alice") -> None:
    for _ in range(count):
        add_job(parts, text=TEXT, owner=owner)


def overload(parts: Parts) -> Overload:
    return Overload(parts, Estimator(parts))


def test_who_fills_the_queue_is_turned_away_before_any_work(client: Client) -> None:
    fill(client.parts)
    answer = client.speak(text=TEXT, headers=bearer(ALICE), voice=b"never looked at")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/queue-full")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert not client.parts.blobs.blobs


def test_nothing_is_fetched_for_who_is_turned_away(client: Client) -> None:
    fill(client.parts)
    fields = {"text": TEXT, "voice_url": "https://voices.test/none.wav", "webhook_url": "https://nowhere.example/"}
    answer = client.post("/tts", files={name: (None, value) for name, value in fields.items()}, headers=bearer(ALICE))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/queue-full")
    assert client.parts.outbound.resolver.asked == []


def test_others_are_let_in(client: Client) -> None:
    fill(client.parts)
    assert client.speak(text=TEXT, headers=bearer(BOB)).status_code == 202


def test_the_last_word_is_the_stores(client: Client) -> None:
    """There is room when the request comes, and none for all that it brings."""
    fill(client.parts, 3)
    answer = client.speak(text=TEXT * 2, headers=bearer(ALICE))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/queue-full")
    lines = b"".join(b'{"text": "%s"}\n' % TEXT.encode() for _ in range(2))
    files = {"items": ("items.jsonl", lines, "application/jsonl"), "voice": ("voice.wav", REFERENCE, "audio/wav")}
    batch = client.post("/batches", data={"ref_text": REFERENCE_TEXT}, files=files, headers=bearer(ALICE))
    assert (batch.status_code, batch.json()["type"]) == (503, "/problems/queue-full")
    assert not client.parts.blobs.blobs
    assert client.speak(text=TEXT, headers=bearer(ALICE)).status_code == 202


def test_openais_clients_hear_it_in_their_words(client: Client) -> None:
    fill(client.parts)
    asked = {"model": "tts-1", "input": "Hello.", "voice": "sample"}
    answer = client.post("/v1/audio/speech", json=asked, headers=bearer(ALICE))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(("seconds_a_job", "slots", "expected"), [(20.0, 1, 20), (20.0, 4, 5), (0.01, 1, 1)])
def test_it_is_told_when_there_will_be_room(seconds_a_job: float, slots: int, expected: int) -> None:
    parts = memory_parts(max_queued_seconds=3)
    parts.workers.announce(WorkerBeat("worker-1", {}, parts.clock(), slots), 60.0)
    parts.pace.note(seconds_a_job, 100.0)
    fill(parts, 4)
    with pytest.raises(Overloaded) as refused:
        overload(parts).check("alice")
    assert refused.value.retry_after == pytest.approx(expected, abs=1)


def test_a_queue_without_bound(make_client: Callable[..., Client]) -> None:
    client = make_client(max_queued_seconds=0)
    fill(client.parts, 40, owner="anonymous")
    assert client.speak().status_code == 202


def test_a_calm_queue_is_not_looked_at_for_every_request() -> None:
    parts = memory_parts(max_queued_seconds=4)
    guard = overload(parts)
    guard.check("alice")
    fill(parts)
    guard.check("alice")
    parts.clock.advance(1.0)  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(Overloaded):
            guard.check("alice")


def test_a_store_that_is_away_says_so() -> None:
    parts = memory_parts()
    parts.jobs.down = True  # type: ignore[attr-defined]
    with pytest.raises(JobStoreUnavailable):
        overload(parts).check("alice")
