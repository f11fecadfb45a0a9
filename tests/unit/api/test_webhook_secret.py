"""`/webhook-secret`: each tenant has one of its own, and may change it."""

from collections.abc import Callable

import pytest

from services.shared.signing import Signer, new_secret, signing_key
from services.shared.webhook_secrets import WebhookSecrets
from tests.unit.api.client import ALICE, BOB, KEYS, Client, bearer

OPERATORS = new_secret()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client(webhook_secret=OPERATORS, api_keys=KEYS)


def _read(client: Client, key: str = ALICE) -> str:
    answer = client.get("/webhook-secret", headers=bearer(key))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return str(answer.json()["secret"])


def _rotate(client: Client) -> dict[str, str]:
    answer = client.post("/webhook-secret/rotate", headers=bearer(ALICE))
    assert answer.status_code == 200
    return dict(answer.json())


def _signs(client: Client, secret: str) -> bool:
    """Whether it is among those that Alice's webhooks are signed with now."""
    signer = WebhookSecrets(OPERATORS, client.parts.secrets).signer("alice", client.parts.clock())
    expected = Signer(secret).headers("msg_1", b"body", 7.0)["webhook-signature"]
    return expected in signer.headers("msg_1", b"body", 7.0)["webhook-signature"].split(" ")


def test_each_tenant_has_one_of_its_own_that_stays(client: Client) -> None:
    alices, bobs = _read(client), _read(client, BOB)
    assert len({alices, bobs, OPERATORS}) == 3
    assert len(signing_key(alices)) == 32
    assert _read(client) == alices
    assert _signs(client, alices)
    assert not _signs(client, bobs)
    assert _signs(client, OPERATORS)


def test_it_hangs_on_the_operators(client: Client, make_client: Callable[..., Client]) -> None:
    assert _read(make_client(webhook_secret=OPERATORS, api_keys=KEYS)) == _read(client)
    assert _read(make_client(webhook_secret=new_secret(), api_keys=KEYS)) != _read(client)


def test_after_a_rotation_both_sign_for_a_day(client: Client) -> None:
    first, bobs = _read(client), _read(client, BOB)
    second = _rotate(client)
    assert second["secret"] != first
    assert (second["rotated_at"], second["previous_until"]) == ("2027-01-15T08:00:00Z", "2027-01-16T08:00:00Z")
    assert _read(client) == second["secret"]
    assert _read(client, BOB) == bobs
    client.parts.clock.advance(86_399)
    assert _signs(client, first)
    client.parts.clock.advance(1)
    assert not _signs(client, first)
    assert _signs(client, second["secret"])
    shown = client.get("/webhook-secret", headers=bearer(ALICE)).json()
    assert (shown["rotated_at"], shown["previous_until"]) == ("2027-01-15T08:00:00Z", None)


def test_of_two_rotations_on_a_day_the_latest_two_sign(client: Client) -> None:
    first = _read(client)
    second, third = _rotate(client)["secret"], _rotate(client)["secret"]
    assert [_signs(client, one) for one in (first, second, third)] == [False, True, True]


def test_a_service_without_webhooks_has_none(make_client: Callable[..., Client]) -> None:
    client = make_client()
    for answer in (client.get("/webhook-secret"), client.post("/webhook-secret/rotate")):
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/webhooks-off")
