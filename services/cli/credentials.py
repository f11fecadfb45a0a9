"""The embedded stack's secrets: made once, kept in the stack's home, never on a command line."""

import json
import secrets
from dataclasses import asdict, dataclass, field

from services.cli.errors import CliError
from services.cli.files import write_private
from services.cli.home import Home
from services.shared.signing import new_secret


@dataclass(frozen=True)
class Credentials:
    redis_password: str = field(repr=False)
    s3_access_key: str
    s3_secret_key: str = field(repr=False)
    #: Drawn for homes that were made before there were webhooks, too.
    webhook_secret: str = field(repr=False, default_factory=new_secret)


def load_or_create(home: Home) -> Credentials:
    """The home's credentials, drawn now if it has none. Raises `CliError` on a file that is not ours."""
    try:
        known = json.loads(home.secrets.read_text())
        found = Credentials(**known)
    except FileNotFoundError:
        known, found = {}, _draw()
    except (ValueError, TypeError) as error:
        raise CliError(f"{home.secrets} is damaged.", hint="Restore it, or remove it for new passwords.") from error
    if asdict(found) != known:
        write_private(home.secrets, json.dumps(asdict(found), indent=2) + "\n")
    return found


def _draw() -> Credentials:
    return Credentials(
        redis_password=secrets.token_urlsafe(24),
        s3_access_key=f"timbre{secrets.token_hex(7)}",
        s3_secret_key=secrets.token_urlsafe(30),
    )
