"""What scopes give, and what a key's record is made of."""

import pytest

from services.shared.api_key import ApiKey, digest, draw_unstored, is_tenant, stored_id
from services.shared.scopes import ADMIN, SCOPES, USUAL, grant
from services.shared.testing import START


@pytest.mark.parametrize(
    ("named", "given"),
    [
        ([], set()),
        (["speech"], {"speech", "voices:read", "uploads"}),
        (["voices"], {"voices", "voices:read", "uploads"}),
        (["status", "voices:read"], {"status", "voices:read"}),
        (["admin"], {"admin"}),
        (["openid", "SPEECH", "speech ", ""], set()),
        (["*"], set(SCOPES)),
    ],
)
def test_what_a_scope_gives(named: list[str], given: set[str]) -> None:
    assert grant(named) == given


def test_the_usual_scopes_are_all_but_managing_keys() -> None:
    assert set(SCOPES) - USUAL == {ADMIN, "*"}


def test_a_key_tells_its_id_and_keeps_its_secret() -> None:
    secret, key = ApiKey.draw("acme", START)
    assert stored_id(secret) == key.id
    assert secret.startswith(f"tmb_{key.id}_")
    assert key.digest == digest(secret)
    assert digest(secret) not in repr(key)
    assert len({ApiKey.draw("acme", START)[0] for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "text", ["", "tmb_", "sk-123", "tmb_0123456789abcdef", "tmb_0123456789ABCDEF_" + "x" * 43, "é"]
)
def test_what_is_no_key_of_the_store(text: str) -> None:
    assert stored_id(text) is None
    assert stored_id(draw_unstored()) is None


@pytest.mark.parametrize("name", ["acme", "a", "auth0|5f7c8ec7c33c6c004bbafe82", "a@b.example", "A-1_b.c", "x" * 128])
def test_what_a_tenant_may_be_called(name: str) -> None:
    assert is_tenant(name)


@pytest.mark.parametrize("name", ["", "anonymous", "a:b", "a/b", "a b", "*", "-a", "x" * 129, "a\n", "é", "a{b}"])
def test_what_no_tenant_is_called(name: str) -> None:
    assert not is_tenant(name)
