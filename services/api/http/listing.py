"""What all listings take, and what no answer about somebody's things may be: kept by a cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Query, Response

from services.api.errors import InvalidField

PageLimit = Annotated[int, Query(ge=1, le=100, description="How many a page.")]
PageCursor = Annotated[str | None, Query(max_length=256, description="`next_cursor` of the page before.")]


@contextmanager
def refusing_cursors() -> Iterator[None]:
    """Turns a store's word on a wrong cursor into the client's error."""
    try:
        yield
    except ValueError as error:
        accepted = "`next_cursor` of an earlier answer"
        raise InvalidField("`cursor` is not one of ours.", field="cursor", accepted=accepted) from error


async def forbid_keeping(response: Response) -> None:
    """Answers hold signed URLs and progress: neither is for caches."""
    response.headers["Cache-Control"] = "no-store"
