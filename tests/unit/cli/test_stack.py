"""What the stack is made of: ports, environment, settings that are refused before anything starts."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.ports import is_free, usual_or_free
from services.cli.stack import draft_settings, plan
from services.shared.signing import new_secret

ELSEWHERE = {
    "REDIS_URL": "redis://cache.test:6379/0",
    "S3_ENDPOINT": "http://store.test:9000",
    "S3_ACCESS_KEY": "a",
    "S3_SECRET_KEY": "s",
}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_gives_way_to_a_free_one(taken: int) -> None:
    chosen = usual_or_free(taken)
    assert chosen != taken
    assert is_free(chosen)
    assert usual_or_free(chosen) == chosen


def test_all_parts_are_ours_by_default(home: Home, tmp_path: Path) -> None:
    planned = plan(home, {}, tmp_path)
    by_name = {part.name: part for part in planned.parts}
    assert list(by_name) == ["valkey", "seaweedfs", "control", "worker", "api"]
    assert by_name["api"].needs == ("valkey", "seaweedfs")
    env = by_name["api"].env
    assert env["REDIS_URL"].endswith(f"@{by_name['valkey'].address}/0")
    assert env["S3_ENDPOINT"] == f"http://{by_name['seaweedfs'].address}"
    assert planned.api_url == f"http://127.0.0.1:{env['API_PORT']}"


def test_webhooks_are_signed_with_a_secret_of_the_stack_or_the_users(home: Home, tmp_path: Path) -> None:
    drawn = plan(home, {}, tmp_path).settings.webhook_secret
    assert drawn == plan(home, {}, tmp_path).settings.webhook_secret
    users = new_secret()
    named = plan(home, {"WEBHOOK_SECRET": users}, tmp_path).settings.webhook_secret
    assert named is not None
    assert named.get_secret_value() == users


def test_servers_named_elsewhere_are_not_started(home: Home, tmp_path: Path) -> None:
    planned = plan(home, ELSEWHERE, tmp_path)
    assert [part.name for part in planned.parts] == ["control", "worker", "api"]
    assert all(part.needs == () for part in planned.parts)
    assert planned.parts[0].env["REDIS_URL"] == ELSEWHERE["REDIS_URL"]


def test_passwords_are_on_no_command_line(home: Home, tmp_path: Path) -> None:
    planned = plan(home, {}, tmp_path)
    env = planned.parts[-1].env
    secret = {
        env["WEBHOOK_SECRET"],
        env["S3_SECRET_KEY"],
        env["S3_ACCESS_KEY"],
        env["REDIS_URL"].split("@")[0].rsplit(":", 1)[1],
    }
    words = [word for part in planned.parts for word in part.argv]
    assert not [word for word in words if any(one in word for one in secret)]
    assert not any(one in repr(planned.parts) for one in secret)


def test_the_servers_do_not_see_our_keys(home: Home, tmp_path: Path) -> None:
    valkey = plan(home, {}, tmp_path).parts[0]
    assert "S3_SECRET_KEY" not in valkey.env


def test_a_port_that_was_asked_for_must_be_free(home: Home, tmp_path: Path, taken: int) -> None:
    with pytest.raises(CliError, match=f"API_PORT: {taken} is taken"):
        plan(home, {"API_PORT": str(taken)}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"API_PORT": "many"}, "API_PORT"),
        ({"API_PORT": "70000"}, "API_PORT"),
        ({"SPEED": "9"}, "SPEED"),
        ({"S3_ENDPOINT": "http://store.test"}, "S3_ACCESS_KEY"),
        ({"API_HOST": "0.0.0.0"}, "API_HOST: others can reach"),  # noqa: S104 - refused, not bound
    ],
)
def test_wrong_settings_are_refused_by_name(environ: dict[str, str], message: str) -> None:
    with pytest.raises(CliError, match=message):
        draft_settings(environ)


def test_bound_to_everything_it_is_reached_on_loopback(home: Home, tmp_path: Path) -> None:
    planned = plan(home, {"API_HOST": "0.0.0.0", "ALLOW_ANONYMOUS": "true"}, tmp_path)  # noqa: S104 - planned, not bound
    assert planned.api_url.startswith("http://127.0.0.1:")


def test_the_users_environment_reaches_the_parts(home: Home, tmp_path: Path) -> None:
    planned = plan(home, {"PATH": os.defpath, "NFE_STEP": "7"}, tmp_path)
    assert planned.settings.nfe_step == 7
    assert {part.env["PATH"] for part in planned.parts} == {os.defpath}
