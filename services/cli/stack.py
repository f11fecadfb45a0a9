"""What the embedded stack consists of on this machine: the parts, their ports and their environment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from services.cli import credentials, probes
from services.cli.errors import CliError
from services.cli.home import HOME_VARIABLE, Home
from services.cli.part import Part
from services.cli.ports import USUAL_API_PORT, USUAL_REDIS_PORT, USUAL_S3_PORT, is_free, seaweed_ports, usual_or_free
from services.shared.servers import LOOPBACK, SeaweedPorts, ServerMissing, seaweed_command, valkey_command
from services.shared.settings import Settings, SettingsError, load_settings

VALKEY = "valkey"
SEAWEEDFS = "seaweedfs"


@dataclass(frozen=True)
class Plan:
    parts: tuple[Part, ...]
    api_url: str
    settings: Settings


@dataclass(frozen=True)
class Embedded:
    """The servers we bring along; None where the environment names another."""

    redis_port: int | None
    s3_ports: SeaweedPorts | None

    @classmethod
    def choose(cls, environ: Mapping[str, str]) -> "Embedded":
        return cls(
            redis_port=None if environ.get("REDIS_URL") else usual_or_free(USUAL_REDIS_PORT),
            s3_ports=None if environ.get("S3_ENDPOINT") else seaweed_ports(USUAL_S3_PORT),
        )

    def variables(self, secrets: credentials.Credentials) -> dict[str, str]:
        """What tells the other parts where these servers are."""
        named: dict[str, str] = {}
        if self.redis_port is not None:
            named["REDIS_URL"] = f"redis://:{quote(secrets.redis_password)}@{LOOPBACK}:{self.redis_port}/0"
        if self.s3_ports is not None:
            named["S3_ENDPOINT"] = f"http://{LOOPBACK}:{self.s3_ports.s3}"
            named["S3_ACCESS_KEY"] = secrets.s3_access_key
            named["S3_SECRET_KEY"] = secrets.s3_secret_key
        return named


def plan(home: Home, environ: Mapping[str, str], cwd: Path) -> Plan:
    """Everything decided before anything starts. Raises `CliError` on settings or machines that cannot work."""
    embedded = Embedded.choose(environ)
    secrets = credentials.load_or_create(home)
    api_port = _api_port(environ)
    webhooks = {} if environ.get("WEBHOOK_SECRET") else {"WEBHOOK_SECRET": secrets.webhook_secret}
    variables = {**embedded.variables(secrets), **webhooks, "API_PORT": str(api_port), HOME_VARIABLE: str(home.path)}
    env = {**environ, **variables, "PYTHONUNBUFFERED": "1"}
    settings = _checked(env)
    url = f"http://{_reachable(settings.api_host)}:{api_port}"
    servers = _servers(home, environ, embedded, secrets, settings)
    return Plan((*servers, *_services(env, cwd, settings, url, tuple(part.name for part in servers))), url, settings)


def draft_settings(environ: Mapping[str, str]) -> Settings:
    """The settings as `up` would see them, with stand-ins for the servers it would start. Raises `CliError`."""
    stand_ins = SeaweedPorts(USUAL_S3_PORT, 1, 2, 3, 4)
    embedded = Embedded(
        redis_port=None if environ.get("REDIS_URL") else USUAL_REDIS_PORT,
        s3_ports=None if environ.get("S3_ENDPOINT") else stand_ins,
    )
    return _checked({**environ, **embedded.variables(credentials.Credentials("unknown", "unknown", "unknown"))})


def _servers(
    home: Home, environ: Mapping[str, str], embedded: Embedded, secrets: credentials.Credentials, settings: Settings
) -> list[Part]:
    parts: list[Part] = []
    try:
        if (port := embedded.redis_port) is not None:
            command = valkey_command(port, home.data(VALKEY), secrets.redis_password)
            env = {**environ, **command.env}
            probe = probes.redis_answers(settings)
            parts.append(Part(VALKEY, tuple(command.argv), env, command.cwd, probe, address=f"{LOOPBACK}:{port}"))
        if (ports := embedded.s3_ports) is not None:
            access, secret = secrets.s3_access_key, secrets.s3_secret_key
            command = seaweed_command(ports, home.data(SEAWEEDFS), access_key=access, secret_key=secret)
            env = {**environ, **command.env}
            probe = probes.s3_takes_writes(settings)
            parts.append(
                Part(SEAWEEDFS, tuple(command.argv), env, command.cwd, probe, address=f"{LOOPBACK}:{ports.s3}")
            )
    except ServerMissing as error:
        raise CliError(str(error)) from error
    return parts


def _services(env: Mapping[str, str], cwd: Path, settings: Settings, url: str, needs: tuple[str, ...]) -> list[Part]:
    grace = settings.stop_grace_seconds + 10

    def python(module: str) -> tuple[str, ...]:
        # -P: a package called `services` in the user's directory must not stand in for ours.
        return (sys.executable, "-P", "-m", module)

    return [
        Part("control", python("services.worker.control"), env, cwd, needs=needs, ours=True),
        Part(
            "worker",
            python("services.worker.main"),
            env,
            cwd,
            probes.worker_announced(settings),
            needs=needs,
            ours=True,
            start_seconds=600.0,  # a large checkpoint on a slow disk
            stop_seconds=grace,
        ),
        Part("api", python("services.api.main"), env, cwd, probes.api_ready(url), needs=needs, address=url, ours=True),
    ]


def _api_port(environ: Mapping[str, str]) -> int:
    """The port asked for, which then must be free, or one we find."""
    host = environ.get("API_HOST") or LOOPBACK
    asked = environ.get("API_PORT", "")
    if not asked.isdecimal() or asked == "0":  # what is not a port at all, the settings refuse
        return usual_or_free(USUAL_API_PORT, host)
    if int(asked) < 65_536 and not is_free(int(asked), host):
        raise CliError(f"API_PORT: {asked} is taken by another process.", hint="Leave it out, and a free one is found.")
    return int(asked)


def _checked(env: Mapping[str, str]) -> Settings:
    try:
        settings = load_settings(env)
        settings.check_exposure()
    except SettingsError as error:
        raise CliError(str(error)) from error
    return settings


def _reachable(host: str) -> str:
    """Where a client on this machine finds a server bound to `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return LOOPBACK
    return f"[{host}]" if ":" in host else host
