"""The chunks that a job was spoken in so far, by this attempt or one before it, or by a job whose text was edited."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from f5_tts_core.audio.lossless import CONTENT_TYPE, pack, unpack
from f5_tts_core.types import Waveform
from services.shared.chunks import ChunkEntry, chunk_key, chunk_prefix, encode_playlist, playlist_key
from services.shared.errors import BlobNotFound
from services.shared.job import Job
from services.shared.parts import Parts
from services.worker.figures import note_first_heard
from services.worker.retry import Ask

_PAGE = 1_000


class Shelf:
    """One attempt's; thread-safe. Raises what `ask` does: `Unavailable`, and why the attempt is to stop."""

    def __init__(self, parts: Parts, job: Job, ask: Ask) -> None:
        self._parts = parts
        self._job = job
        self._ask = ask
        #: Whether chunks come from other jobs of the owner, and go to them.
        self._shared = job.input.cache and parts.settings.result_cache
        self._keys = set(ask(self._stored))
        #: The digest of what the speech begins with; empty until that was told.
        self._first = ""

    def has(self, digest: str) -> bool:
        """Whether it is spoken already. One that another job has becomes this one's too."""
        return self._key(digest) in self._keys or (self._shared and self._ask(lambda: self._borrow(digest)))

    def keep(self, digest: str, speech: Waveform) -> None:
        """Raises `NotFiniteOutput`."""
        content = pack(speech)
        self._put(self._key(digest), content, CONTENT_TYPE)
        self._note(digest)
        if self._shared:
            self._ask(lambda: self._announce(digest, self._parts.results.named(digest)))

    def samples(self, digest: str) -> npt.NDArray[np.float32]:
        """Raises `BlobNotFound`."""
        return unpack(self._ask(lambda: self._parts.blobs.get(self._key(digest))))

    def publish(self, entries: Sequence[ChunkEntry]) -> None:
        """Tell listeners what is coming, before any of it does."""
        self._first = entries[0].digest
        self._put(playlist_key(self._job.id, self._job.attempt), encode_playlist(entries), "application/json")

    def _stored(self) -> list[str]:
        keys: list[str] = []
        while True:
            after = keys[-1] if keys else None
            page = self._parts.blobs.page(chunk_prefix(self._job.id), limit=_PAGE, after=after)
            keys += [blob.key for blob in page]
            if len(page) < _PAGE:
                return keys

    def _borrow(self, digest: str) -> bool:
        named = self._parts.results.named(digest)
        if named is None or named == self._job.id:
            return False
        try:
            self._parts.blobs.copy(chunk_key(named, digest), self._key(digest))
        except BlobNotFound:
            return False  # Deleted with its job.
        self._note(digest)
        self._announce(digest, named)
        return True

    def _note(self, digest: str) -> None:
        """It is there from now on, which it was in no attempt before."""
        self._keys.add(self._key(digest))
        if digest == self._first:
            note_first_heard(self._parts, self._job)

    def _announce(self, digest: str, instead_of: str | None) -> None:
        """The latest is named: the others' time is over before its."""
        seconds = max(self._parts.settings.chunk_ttl_seconds, 1)
        self._parts.results.take(digest, self._job.id, instead_of=instead_of, ttl_seconds=seconds)

    def _put(self, key: str, content: bytes, content_type: str) -> None:
        self._ask(lambda: self._parts.blobs.put(key, io.BytesIO(content), len(content), content_type))

    def _key(self, digest: str) -> str:
        return chunk_key(self._job.id, digest)
