"""Tokens of an identity provider: who they let in, and who not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.shared.settings import SettingsError, load_settings
from services.shared.testing import ManualClock, memory_parts
from tests.unit.api.client import ALICE, KEYS, Client, bearer, store_key
from tests.unit.api.identity_provider import AUDIENCE, ISSUER, IdentityProvider


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider().serving() as provider:
        yield provider


@pytest.fixture(autouse=True)
def whole(provider: IdentityProvider) -> Iterator[None]:
    document = provider.document
    provider.status, provider.fetches = 200, 0
    yield
    provider.document = document


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def client_of(provider: IdentityProvider, clock: ManualClock | None = None, **settings: Any) -> Client:
    trust = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_jwks_url": provider.url}
    return Client(memory_parts(clock=clock or ManualClock(), **trust, **settings))


def assert_refused(client: Client, token: str, detail: str = "The token is not valid here.") -> None:
    answer = client.get("/jobs", headers=bearer(token))
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")
    assert answer.json()["detail"] == detail
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("kid", ["rsa", "ec"])
def test_a_token_lets_its_tenant_in(provider: IdentityProvider, kid: str) -> None:
    client = client_of(provider)
    headers = bearer(provider.token(kid=kid))
    job = client.speak(headers=headers)
    assert client.parts.jobs.get(job.json()["job_id"]).owner == "acme"
    assert client.get(f"/jobs/{job.json()['job_id']}", headers=bearer(provider.token(sub="other"))).status_code == 404
    assert client.get("/jobs", headers=bearer(store_key(client.parts, "acme"))).json()["jobs"] != []


def test_scopes_are_the_tokens(provider: IdentityProvider) -> None:
    client = client_of(provider)
    for scope, expected in (
        ("speech", [200, 403, 403]),
        (["speech", "status", 7], [200, 200, 403]),
        ("admin", [403, 403, 200]),
        ("*", [200, 200, 200]),
        ("openid timbre", [403, 403, 403]),
        (None, [403, 403, 403]),
        ({"speech": True}, [403, 403, 403]),
    ):
        headers = bearer(provider.token(scope=scope))
        assert [
            client.get(path, headers=headers).status_code for path in ("/jobs", "/config", "/admin/keys")
        ] == expected


def test_claims_have_the_names_of_the_settings(provider: IdentityProvider) -> None:
    client = client_of(provider, jwt_tenant_claim="https://id.example/org", jwt_scope_claim="permissions")
    claims = {"https://id.example/org": "the-org", "permissions": ["speech"]}
    job = client.speak(headers=bearer(provider.token(**claims))).json()["job_id"]
    assert client.parts.jobs.get(job).owner == "the-org"
    assert_refused(client, provider.token(), "The token's claim `https://id.example/org` names no tenant.")


@pytest.mark.parametrize("tenant", [None, "", "anonymous", "a:b", "a b", 7, ["acme"], "x" * 129])
def test_a_claim_that_names_no_tenant(provider: IdentityProvider, tenant: object) -> None:
    wanted = "org"
    client = client_of(provider, jwt_tenant_claim=wanted)
    assert_refused(client, provider.token(org=tenant), "The token's claim `org` names no tenant.")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example/"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": None},
        {"exp": None},
        {"kid": "unknown"},
    ],
    ids=str,
)
def test_a_token_of_other_claims(provider: IdentityProvider, claims: dict[str, Any]) -> None:
    signer = {"key": provider.rsa, "algorithm": "RS256"}
    assert_refused(client_of(provider), provider.token(**claims, **signer))


def test_a_token_before_its_time(provider: IdentityProvider) -> None:
    client = client_of(provider)
    assert_refused(client, provider.token(nbf=time.time() + 600))
    assert client.get("/jobs", headers=bearer(provider.token(nbf=time.time() - 1))).status_code == 200


def test_a_token_that_has_expired(provider: IdentityProvider) -> None:
    client = client_of(provider)
    assert_refused(client, provider.token(exp=time.time() - 31), "The token has expired.")
    assert client.get("/jobs", headers=bearer(provider.token(exp=time.time() - 10))).status_code == 200


def test_a_token_that_somebody_else_signed(provider: IdentityProvider) -> None:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    assert_refused(client_of(provider), provider.token(key=other))


def test_a_token_signed_with_what_everybody_knows(provider: IdentityProvider) -> None:
    """The public key taken for a shared secret; and no signature at all."""
    client = client_of(provider)
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = provider.rsa.public_key().public_bytes(encoding, form)
    header, body, _ = provider.token().split(".")
    assert_refused(client, f"{_segment(alg='none', kid='rsa')}.{body}.")
    assert_refused(client, f"{header}.{body}.")
    forged = f"{_segment(alg='HS256', kid='rsa')}.{body}"
    mac = hmac.new(pem, forged.encode(), hashlib.sha256).digest()
    assert_refused(client, f"{forged}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")


@pytest.mark.parametrize("token", ["..", "a.b.c", "." * 2 + "x" * 5_000, "eyJ9.eyJ9.eyJ9"])
def test_what_is_no_token(provider: IdentityProvider, token: str) -> None:
    assert_refused(client_of(provider), token)
    assert provider.fetches == 0


def test_a_credential_that_is_not_even_ascii(provider: IdentityProvider) -> None:
    for credential in (b"\xe9.\xe9.\xe9", b"\xff", b"tmb_\xc3\xa9"):
        headers = {"Authorization": b"Bearer " + credential}
        assert client_of(provider).get("/jobs", headers=headers).status_code == 401


def _segment(**header: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")


# --- the provider's keys ---------------------------------------------------------------------------


def test_the_keys_are_fetched_once(provider: IdentityProvider) -> None:
    client = client_of(provider)
    for _ in range(3):
        assert client.get("/jobs", headers=bearer(provider.token())).status_code == 200
    assert provider.fetches == 1


def test_unknown_key_ids_do_not_hammer_the_provider(provider: IdentityProvider) -> None:
    client = client_of(provider)
    for number in range(5):
        assert_refused(client, provider.token(kid=str(number), key=provider.rsa, algorithm="RS256"))
    assert provider.fetches == 1


@pytest.mark.parametrize(
    ("status", "document"),
    [(500, b"{}"), (302, b""), (200, b"not JSON"), (200, b"[]"), (200, b'{"keys": []}'), (200, b'{"keys": 7}')],
)
def test_a_provider_that_cannot_be_used(
    provider: IdentityProvider, clock: ManualClock, status: int, document: bytes
) -> None:
    good = provider.document
    client = client_of(provider, clock, api_keys=KEYS)
    provider.status, provider.document = status, document
    for _ in range(3):
        answer = client.get("/jobs", headers=bearer(provider.token()))
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/identity-provider-unavailable")
        assert answer.headers["retry-after"] == "5"
    assert client.get("/jobs", headers=bearer(ALICE)).status_code == 200
    assert provider.fetches == 1
    provider.status, provider.document = 200, good
    clock.advance(5)
    assert client.get("/jobs", headers=bearer(provider.token())).status_code == 200


def test_a_provider_that_is_not_there(provider: IdentityProvider) -> None:
    nowhere = IdentityProvider()
    nowhere.url = "http://127.0.0.1:1/jwks"
    assert client_of(nowhere).get("/jobs", headers=bearer(provider.token())).status_code == 503


# --- beside keys -----------------------------------------------------------------------------------


def test_keys_and_tokens_work_side_by_side(provider: IdentityProvider) -> None:
    client = client_of(provider, api_keys=KEYS)
    for credential in (ALICE, store_key(client.parts, "acme"), provider.token()):
        assert client.get("/jobs", headers=bearer(credential)).status_code == 200
    assert client.get("/jobs").status_code == 401


def test_tokens_are_limited_as_their_tenant(provider: IdentityProvider) -> None:
    client = client_of(provider, tenant_requests_per_minute=2)
    credentials = (provider.token(), store_key(client.parts, "acme"), provider.token())
    assert [client.get("/jobs", headers=bearer(one)).status_code for one in credentials] == [200, 200, 429]


def test_without_a_provider_a_token_is_a_wrong_key(locked: Client, provider: IdentityProvider) -> None:
    assert_refused(locked, provider.token(), "The API key is not known.")


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL"])
def test_a_provider_is_named_wholly(missing: str) -> None:
    named = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_JWKS_URL": "https://id.example/jwks"}
    server = {"REDIS_URL": "redis://x/0", "S3_ENDPOINT": "http://x", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    with pytest.raises(SettingsError, match="JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL"):
        load_settings({**server, **named, missing: ""})
