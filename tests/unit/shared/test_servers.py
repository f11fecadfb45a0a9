"""Commands of the embedded servers, and waiting for them."""

import socket
import stat
from pathlib import Path

import pytest

from services.shared.servers import (
    SeaweedPorts,
    ServerSilent,
    free_port,
    is_free,
    seaweed_command,
    valkey_command,
    wait_until_answers,
)


def test_valkeys_password_is_in_a_private_file_alone(tmp_path: Path) -> None:
    command = valkey_command(6380, tmp_path / "valkey", 'open"sesame')
    assert "sesame" not in " ".join(command.argv)
    config = Path(command.argv[-1])
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert 'requirepass "open\\"sesame"' in config.read_text().splitlines()


def test_a_config_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "valkey.conf").write_text("left by somebody")
    (tmp_path / "valkey.conf").chmod(0o644)
    command = valkey_command(6380, tmp_path, "password")
    assert stat.S_IMODE(Path(command.argv[-1]).stat().st_mode) == 0o600


def test_seaweeds_keys_are_in_the_environment_alone(tmp_path: Path) -> None:
    ports = SeaweedPorts(s3=8333, master=9333, volume=9340, filer=8888, admin=9500)
    command = seaweed_command(ports, tmp_path / "s3", access_key="the-access", secret_key="the-secret")
    assert "the-" not in " ".join(command.argv)
    assert command.environment()["AWS_SECRET_ACCESS_KEY"] == "the-secret"
    assert {"-ip.bind=127.0.0.1", "-s3.port=8333", "-filer.port=8888"} <= set(command.argv)


def test_seaweeds_makers_are_told_nothing(tmp_path: Path) -> None:
    command = seaweed_command(SeaweedPorts.choose(), tmp_path, access_key="a", secret_key="b")
    assert "-master.telemetry=false" in command.argv


def test_the_filers_keys_survive_a_restart(tmp_path: Path) -> None:
    ports = SeaweedPorts.choose()
    seaweed_command(ports, tmp_path, access_key="a", secret_key="b")
    security = tmp_path / "security.toml"
    first = security.read_text()
    seaweed_command(ports, tmp_path, access_key="a", secret_key="b")
    assert security.read_text() == first
    assert stat.S_IMODE(security.stat().st_mode) == 0o600
    assert first.count("[jwt.") == 4


def test_ports_and_their_twins_do_not_collide() -> None:
    for _ in range(20):
        ports = SeaweedPorts.choose()
        base = [ports.s3, ports.master, ports.volume, ports.filer, ports.admin]
        every = base + [port + 10_000 for port in base]
        assert len(set(every)) == 10
        assert max(every) <= 65_535


def test_a_taken_port_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])
    assert is_free(free_port())


def test_waiting_ends_with_the_first_answer() -> None:
    answers = iter([ConnectionRefusedError(), ConnectionRefusedError(), None])

    def ask() -> None:
        if error := next(answers):
            raise error

    wait_until_answers(ask, timeout_seconds=5)
    assert next(answers, "all asked") == "all asked"


def test_waiting_ends_with_the_server() -> None:
    with pytest.raises(ServerSilent, match="ended"):
        wait_until_answers(_refuse, timeout_seconds=60, alive=lambda: False)


def test_waiting_ends_with_the_time() -> None:
    with pytest.raises(ServerSilent, match="within 0 s"):
        wait_until_answers(_refuse, timeout_seconds=0)


def _refuse() -> None:
    raise ConnectionRefusedError
