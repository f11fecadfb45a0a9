"""Listening to a job that is spoken a chunk at a time: its chunks are heard where they are kept."""

from f5_tts_core.assembly import Joiner, Part
from f5_tts_core.audio import encode
from f5_tts_core.audio.lossless import unpack
from f5_tts_core.types import Waveform
from services.api.listening.streamed import SpeechCut
from services.shared.chunks import ChunkEntry, chunk_key, decode_playlist, playlist_key
from services.shared.errors import BlobNotFound
from services.shared.job import Job
from services.shared.ports import BlobStore


class ChunkEar:
    """Hears one job's speech from its first chunk to its last, whichever attempt spoke them. Blocking.

    However slowly it is listened to, nothing is missed; what was spoken before comes at once.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._joiner = Joiner()
        self._attempt = 0
        self._entries: list[ChunkEntry] = []
        #: Chunks that were heard.
        self._heard = 0

    @property
    def has_heard(self) -> bool:
        return self._heard > 0

    @property
    def is_over(self) -> bool:
        return self.has_heard and self._heard == len(self._entries)

    def listen(self, job: Job) -> bytes:
        """What has come since the last time, a chunk at most: 16-bit samples.

        Of a job that has ended already nothing is heard: its audio is there. Raises `SpeechCut` where another attempt
        speaks something else.
        """
        if job.status.is_terminal and not self.has_heard:
            return b""
        try:
            self._keep_up(job)
            return self._next(job) if self._heard < len(self._entries) else b""
        except BlobNotFound:
            return b""  # Not spoken yet.

    def _keep_up(self, job: Job) -> None:
        if job.attempt == self._attempt:
            return
        entries = decode_playlist(self._blobs.get(playlist_key(job.id, job.attempt)))
        if entries[: self._heard] != self._entries[: self._heard]:
            raise SpeechCut("Another attempt speaks the text anew.")
        self._attempt, self._entries = job.attempt, entries

    def _next(self, job: Job) -> bytes:
        entry = self._entries[self._heard]
        part = Part(unpack(self._blobs.get(chunk_key(job.id, entry.digest))), entry.ends_turn)
        self._heard += 1
        return encode(Waveform(self._joiner.add(part, last=self.is_over)), "pcm")
