"""The embedded servers' passwords: made once, kept in the stack's home, never on a command line."""

import json
import secrets
from dataclasses import asdict, dataclass, field

from services.cli.errors import CliError
from services.cli.files import write_private
from services.cli.home import Home


@dataclass(frozen=True)
class Credentials:
    redis_password: str = field(repr=False)
    s3_access_key: str
    s3_secret_key: str = field(repr=False)


def load_or_create(home: Home) -> Credentials:
    """The home's credentials, drawn now if it has none. Raises `CliError` on a file that is not ours."""
    try:
        return Credentials(**json.loads(home.secrets.read_text()))
    except FileNotFoundError:
        return _create(home)
    except (ValueError, TypeError) as error:
        raise CliError(f"{home.secrets} is damaged.", hint="Restore it, or remove it for new passwords.") from error


def _create(home: Home) -> Credentials:
    drawn = Credentials(
        redis_password=secrets.token_urlsafe(24),
        s3_access_key=f"timbre{secrets.token_hex(7)}",
        s3_secret_key=secrets.token_urlsafe(30),
    )
    write_private(home.secrets, json.dumps(asdict(drawn), indent=2) + "\n")
    return drawn
