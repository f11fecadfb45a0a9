"""Bytes from elsewhere on their way in, counted."""

from collections.abc import Iterable

from services.shared.errors import ContentTooLarge
from services.shared.ports import Sink


def transfer(pieces: Iterable[bytes], sink: Sink, max_bytes: int) -> None:
    """Raises `ContentTooLarge` at the first byte beyond `max_bytes`, which `sink` is not given."""
    room = max_bytes
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            raise ContentTooLarge(f"What lies under the URL has more than {max_bytes} bytes.")
        sink(piece)
