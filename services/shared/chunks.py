"""Where the chunks of a job lie, each under a digest of all that its sound depends on, and how they follow each other.

They are the job's own: what deletes its audio deletes them.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from services.shared.job import output_prefix


@dataclass(frozen=True)
class ChunkEntry:
    """A chunk's place in the speech. The same chunk may have several."""

    digest: str
    #: Whether somebody else speaks after it.
    ends_turn: bool


def chunk_prefix(job_id: str) -> str:
    """Before the keys of everything that is kept of its chunks."""
    return f"{output_prefix(job_id)}chunks/"


def chunk_key(job_id: str, digest: str) -> str:
    return f"{chunk_prefix(job_id)}{digest}.flac"


def playlist_key(job_id: str, attempt: int) -> str:
    """Of what an attempt is to speak: known before any of it is."""
    return f"{chunk_prefix(job_id)}{attempt}.json"


def encode_playlist(entries: Sequence[ChunkEntry]) -> bytes:
    return json.dumps([astuple(entry) for entry in entries]).encode()


def decode_playlist(document: bytes) -> list[ChunkEntry]:
    return [ChunkEntry(*entry) for entry in json.loads(document)]
