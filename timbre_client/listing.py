"""Listings: a page at a time, or one thing after the other, whichever page it is on."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from timbre_client.decoding import decode
from timbre_client.errors import UnexpectedAnswer
from timbre_client.session import Call, Session

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    #: The next page's `cursor`; None on the last.
    next_cursor: str | None
    #: The server's whole answer.
    raw: Mapping[str, Any] = field(repr=False, compare=False)


async def read_page(
    session: Session, kind: type[T], path: str, listing: str, *, limit: int, cursor: str | None, **filters: str | None
) -> Page[T]:
    """A page of what `GET path` answers as `listing`. Raises what `Session.read` raises."""
    params = {"limit": str(limit), "cursor": cursor, **filters}
    document = await session.document(Call("GET", path, params, repeatable=True))
    listed = document.get(listing)
    if not isinstance(listed, list):
        raise UnexpectedAnswer(f"{session.address} does not answer like Timbre.")
    return Page(tuple(decode(kind, one) for one in listed), document.get("next_cursor"), document)


async def walk(turn: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncGenerator[T, None]:
    """All things of all pages, each page fetched when it is come to."""
    page = await turn(None)
    while True:
        for item in page.items:
            yield item
        if page.next_cursor is None:
            return
        page = await turn(page.next_cursor)
