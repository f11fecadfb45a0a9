"""The stack's home: directories, credentials, record and lock."""

import json
import os
import stat
from pathlib import Path

import pytest

from services.cli import credentials, record
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.processes import ProcessRef
from services.cli.record import PartRecord, StackRecord


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sample(pid: int = 0, created: float = 0.0) -> StackRecord:
    parts = (
        PartRecord("api", "ready", "http://127.0.0.1:8000", 1, ProcessRef(4, 5.0)),
        PartRecord("worker", "waiting"),
    )
    return StackRecord("starting", ProcessRef(pid, created), "http://127.0.0.1:8000", "", parts)


def test_home_is_the_variable_or_a_folder_here(tmp_path: Path) -> None:
    assert Home.find({"TIMBRE_HOME": str(tmp_path)}).path == tmp_path
    assert Home.find({}).path == Path.cwd() / ".timbre"


def test_only_the_owner_may_enter(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o755)
    home.prepare()
    assert {mode(path) for path in (home.path, home.logs, home.data("valkey"))} == {0o700}


def test_credentials_are_drawn_once_and_private(home: Home) -> None:
    drawn = credentials.load_or_create(home)
    assert credentials.load_or_create(home) == drawn
    assert mode(home.secrets) == 0o600
    assert drawn.redis_password not in repr(drawn)
    assert drawn.s3_secret_key not in repr(drawn)
    assert drawn.webhook_secret not in repr(drawn)


def test_a_home_from_before_webhooks_gets_their_secret_and_keeps_the_rest(home: Home) -> None:
    older = {"redis_password": "a", "s3_access_key": "b", "s3_secret_key": "c"}
    home.secrets.write_text(json.dumps(older))
    found = credentials.load_or_create(home)
    assert (found.redis_password, found.s3_access_key, found.s3_secret_key) == ("a", "b", "c")
    assert found.webhook_secret.startswith("whsec_")
    assert credentials.load_or_create(home) == found


@pytest.mark.parametrize("content", ["", "[]", '{"other": "1"}', "{"])
def test_damaged_credentials_are_told_not_replaced(home: Home, content: str) -> None:
    home.secrets.write_text(content)
    with pytest.raises(CliError, match="damaged"):
        credentials.load_or_create(home)
    assert home.secrets.read_text() == content


def test_a_record_comes_back_as_it_was(home: Home) -> None:
    record.save(home, sample())
    assert record.load(home) == sample()
    assert mode(home.record) == 0o600
    assert [path.name for path in home.path.iterdir() if path.is_file()] == ["stack.json"]


def test_no_record_is_none(home: Home) -> None:
    assert record.load(home) is None
    assert record.running(home) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"parts": [{}]})])
def test_a_damaged_record_is_told(home: Home, content: str) -> None:
    home.record.write_text(content)
    with pytest.raises(CliError, match="damaged"):
        record.load(home)


def test_a_stack_runs_while_its_supervisor_lives(home: Home) -> None:
    me = ProcessRef.of(os.getpid())
    record.save(home, sample(me.pid, me.created))
    assert record.running(home) is not None
    record.save(home, sample(me.pid, me.created - 60))
    assert record.running(home) is None


def test_one_supervisor_a_home(home: Home) -> None:
    with (
        record.sole_supervisor(home),
        pytest.raises(CliError, match="already running"),
        record.sole_supervisor(home),
    ):
        pass
    with record.sole_supervisor(home):
        pass
