"""A delivery's life, and the signature that goes with it."""

import base64
import hashlib
import hmac
import re
import runpy
import time
from pathlib import Path

import pytest

from services.shared.signing import Signer, new_secret, signing_key
from services.shared.testing import START
from services.shared.webhook import RETRY_SECONDS, TRIES_KEPT, Delivery, Try, after, first_delivery, restarted

DAY = 86_400
GUIDE = Path(__file__).parents[3] / "docs" / "api.md"


def _try(status: int | None, at: float = START) -> Try:
    return Try(at=at, seconds=0.1, status=status, error=None if status else "url-unreachable")


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_2xx_ends_it(status: int) -> None:
    done = after(first_delivery(START), _try(status), START, 0.5)
    assert (done.state, done.attempts, done.next_attempt_at) == ("delivered", 1, None)


def test_gone_ends_it_too() -> None:
    done = after(first_delivery(START), _try(410), START, 0.5)
    assert (done.state, done.attempts, done.next_attempt_at) == ("failed", 1, None)


@pytest.mark.parametrize("status", [None, 100, 301, 302, 400, 404, 429, 500, 503])
def test_everything_else_is_tried_again(status: int | None) -> None:
    waiting = after(first_delivery(START), _try(status), START, 0.0)
    assert (waiting.state, waiting.next_attempt_at) == ("pending", START + 5)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_tries_go_on_for_a_day_each_after_a_longer_wait(chance: float) -> None:
    now, waits = START, list[float]()
    delivery = first_delivery(START)
    while delivery.state == "pending":
        assert delivery.next_attempt_at is not None
        waits.append(delivery.next_attempt_at - now)
        now = delivery.next_attempt_at
        delivery = after(delivery, _try(503, now), now, chance)
    assert delivery.state == "failed"
    assert delivery.attempts == len(RETRY_SECONDS) + 1
    assert waits == sorted(waits)
    assert 0.9 * DAY < now - START < 1.3 * DAY


def test_only_the_latest_tries_are_kept() -> None:
    delivery = first_delivery(START)
    for number in range(TRIES_KEPT + 5):
        delivery = after(restarted(delivery, START), _try(503, START + number), START, 0.0)
    assert delivery.attempts == TRIES_KEPT + 5
    assert [one.at for one in delivery.tries] == [START + number for number in range(5, TRIES_KEPT + 5)]


@pytest.mark.parametrize("before", [Delivery(state="failed", attempts=8, setbacks=8), Delivery(state="delivered")])
def test_started_again_it_has_a_day_before_it(before: Delivery) -> None:
    again = restarted(before, START)
    assert (again.state, again.setbacks, again.next_attempt_at) == ("pending", 0, START)
    assert again.attempts == before.attempts


# --- signatures -------------------------------------------------------------------------------------


def test_the_specifications_own_example() -> None:
    headers = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330.9
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_signature_covers_id_moment_and_body() -> None:
    secret = new_secret()
    headers = Signer(secret).headers("msg_1", b"body", 7.0)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, b"msg_1.7.body", hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_guides_lines_believe_us_and_nobody_else(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    (code,) = [block for block in blocks if "def verify(" in block]
    (tmp_path / "receiver.py").write_text(code)
    verify = runpy.run_path(str(tmp_path / "receiver.py"))["verify"]
    secret, body, now = new_secret(), '{"Grüße": 1}'.encode(), time.time()
    headers = Signer(secret).headers("msg_1", body, now)
    verify(secret, headers, body)
    verify(secret, {**headers, "webhook-signature": f"v1,bm9wZQ== {headers['webhook-signature']}"}, body)
    for forged, said in [
        ({**headers, "webhook-id": "msg_2"}, body),
        ({**headers, "webhook-timestamp": str(int(now) + 1)}, body),
        (headers, body + b" "),
        (Signer(secret).headers("msg_1", body, now - 1_000), body),
        (Signer(new_secret()).headers("msg_1", body, now), body),
    ]:
        with pytest.raises(ValueError, match=r"message|signature"):
            verify(secret, forged, said)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_????", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signing_key(secret)
