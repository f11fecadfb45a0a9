"""`timbre keys`: API keys, of which the service only ever keeps the hash."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from services.cli import console
from services.cli.errors import CliError
from services.cli.store import key_store
from services.shared.api_key import ANONYMOUS, MAX_LABEL_CHARACTERS, ApiKey, Quotas, digest, draw_unstored, is_tenant
from services.shared.cursor import Cursor
from services.shared.days import SECONDS
from services.shared.priority import Priority
from services.shared.scopes import NEW_KEY, SCOPES

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
#: A hundred years: far more than a key should be good for, and still a date.
MAX_DAYS = 36_500
_ROW = "{:<16}  {:<19}  {:<19}  {:<16}  {:<16}  {}"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def new(name: Annotated[str, typer.Argument(help="Who will use it; jobs belong to this name.")]) -> None:
    """Make a key for API_KEYS. It is shown once; the server is given its hash."""
    if not NAME.fullmatch(name) or name == ANONYMOUS:
        raise CliError(
            f"A key's name has letters, digits, `_`, `.` and `-` only, at most 64, and is not {ANONYMOUS!r}."
        )
    key = draw_unstored()
    _show(key)
    console.err.print("\nWhat the server is given; separate several by commas:")
    console.out.print(f"API_KEYS={name}={digest(key)}", markup=False)


@app.command()
def create(
    tenant: Annotated[str, typer.Argument(help="Who will own what is made with it; may have several keys.")],
    *,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; may be given again.")] = None,
    days: Annotated[float | None, typer.Option(help="How long it is good for; left out: for good.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=0, help="In place of the setting; 0: any.")] = None,
    concurrent_jobs: Annotated[int | None, typer.Option(min=0, help="In place of the setting; 0: any.")] = None,
    audio_seconds_per_day: Annotated[float | None, typer.Option(min=0, help="In place of the setting; 0: any.")] = None,
    weight: Annotated[float | None, typer.Option(min=0.01, max=100, help="Share of the workers; usually 1.")] = None,
    max_priority: Annotated[Priority | None, typer.Option(help="The most urgent that jobs may be.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a new key into the store of the service, which takes it at once. It is shown once."""
    _check(tenant, label, scope or [])
    now = time.time()
    secret, key = ApiKey.draw(
        tenant,
        now,
        scopes=tuple(scope or NEW_KEY),
        label=label,
        expires_at=_expiry(now, days),
        quotas=Quotas(requests_per_minute, concurrent_jobs, audio_seconds_per_day, weight, max_priority),
    )
    with key_store() as store:
        store.add(key)
    if as_json:
        console.print_json({"key": secret, **_document(key)})
        return
    _show(secret)
    console.err.print(f"\nIts id, to revoke it by: {key.id}", markup=False)
    console.err.print("The service asks for keys where REQUIRE_AUTH=true or API_KEYS is set.")


@app.command("list")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many, newest first.")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier list ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the keys in the store, newest first. The keys themselves nobody knows."""
    _check_cursor(cursor)
    with key_store() as store:
        page = store.page(tenant, limit=limit, cursor=cursor)
    if as_json:
        console.print_json({"keys": [_document(key) for key in page.keys], "next_cursor": page.next_cursor})
        return
    if page.keys:
        console.out.print(
            _ROW.format("key", "created", "expires", "tenant", "scopes", "label"), style="dim", markup=False
        )
    else:
        console.out.print("No keys.")
    for key in page.keys:
        console.out.print(_row(key), markup=False)
    if page.next_cursor:
        console.err.print(f"[dim]More: timbre keys list --cursor {page.next_cursor}[/dim]")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Its id, as `list` shows it.", metavar="ID")]) -> None:
    """Take a key out of the store. Within KEY_CACHE_SECONDS (5) it opens nothing."""
    with key_store() as store:
        store.remove(key_id)
    console.out.print(f"{key_id} is revoked.", markup=False)


def _show(key: str) -> None:
    console.err.print("The key, shown this once:")
    console.out.print(key, markup=False)


def _check(tenant: str, label: str, scopes: list[str]) -> None:
    """Raises `CliError` on what the service would not take."""
    if not is_tenant(tenant):
        raise CliError(
            f"A tenant's name has letters, digits, `.`, `_`, `@`, `|`, `+`, `=` and `-` only, begins with a letter or "
            f"digit, has at most 128, and is not {ANONYMOUS!r}."
        )
    if len(label) > MAX_LABEL_CHARACTERS:
        raise CliError(f"A label has at most {MAX_LABEL_CHARACTERS} characters.")
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise CliError(f"There is no scope {unknown[0]}.", hint=f"Scopes: {', '.join(SCOPES)}.")


def _expiry(now: float, days: float | None) -> float | None:
    """Raises `CliError` for a key that would open nothing."""
    if days is None:
        return None
    # Said this way round, NaN is refused too.
    if not 0 < days <= MAX_DAYS:
        raise CliError(f"A key is good for more than 0 days, and for at most {MAX_DAYS}.", hint="Left out: for good.")
    return now + days * SECONDS


def _check_cursor(cursor: str | None) -> None:
    try:
        Cursor.decode(cursor or Cursor(0, "").encode())
    except ValueError as error:
        raise CliError(str(error)) from error


def _row(key: ApiKey) -> str:
    created = console.moment(_moment(key.created_at))
    expires = "" if key.expires_at is None else console.moment(_moment(key.expires_at))
    return _ROW.format(key.id, created, expires, key.owner, ",".join(key.scopes), key.label)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _document(key: ApiKey) -> dict[str, object]:
    """As the API shows it."""
    return {
        "key_id": key.id,
        "tenant": key.owner,
        "label": key.label,
        "scopes": key.scopes,
        "created_at": _moment(key.created_at).isoformat(),
        "expires_at": None if key.expires_at is None else _moment(key.expires_at).isoformat(),
        "requests_per_minute": key.quotas.requests_per_minute,
        "concurrent_jobs": key.quotas.concurrent_jobs,
        "audio_seconds_per_day": key.quotas.audio_seconds,
        "weight": key.quotas.weight,
        "max_priority": key.quotas.max_priority,
    }
