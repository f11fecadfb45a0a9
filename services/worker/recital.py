"""Speaking the chunks of a long text that are not there yet, several at once where the engine gains by that."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from f5_tts_core.engine import Engine
from f5_tts_core.types import SynthesisRequest
from services.shared.chunks import ChunkEntry
from services.shared.errors import Unavailable
from services.shared.hooks import AudioChain
from services.shared.parts import Parts
from services.worker.abreast import Abreast
from services.worker.lease import GivingWay, Lease
from services.worker.places import Places
from services.worker.shares import Shares
from services.worker.shelf import Shelf
from services.worker.speaking import speak


@dataclass(frozen=True)
class Chunk:
    """A piece of the text, and the request that speaks it."""

    entry: ChunkEntry
    request: SynthesisRequest


class Recital:
    """One attempt's. Each chunk is kept as soon as it is spoken, whatever becomes of those before it."""

    def __init__(self, parts: Parts, engine: Engine, hooks: AudioChain, places: Places, owner: str) -> None:
        self._parts = parts
        self._engine = engine
        self._hooks = hooks
        self._places = places
        self._owner = owner

    def speak(self, chunks: Sequence[Chunk], shelf: Shelf, lease: Lease) -> Counter[str]:
        """Counts of all chunks, and of those not spoken. Raises what engine, hooks and stores raise, and `GivingWay`.

        No more audio is in memory than of the chunks that are spoken at once.
        """
        # What a text says twice is spoken once.
        distinct = {chunk.entry.digest: chunk for chunk in chunks}
        shares = Shares(len(distinct), lease.report)
        began, spoken = self._parts.clock(), 0
        with Abreast(self._places, self._at_once()) as abreast:
            for digest, chunk in distinct.items():
                if shelf.has(digest):
                    shares.note(digest, 1.0)
                    abreast.check()
                    lease.check()
                    continue
                abreast.wait_for_room()
                if spoken and self._is_to_give_way(began):
                    abreast.finish()
                    raise GivingWay
                abreast.start(partial(self._speak, chunk, shelf, lease, shares, abreast))
                spoken += 1
            abreast.finish()
        return Counter(chunks=len(chunks), chunks_reused=len(chunks) - spoken)

    def _speak(self, chunk: Chunk, shelf: Shelf, lease: Lease, shares: Shares, abreast: Abreast) -> None:
        digest = chunk.entry.digest
        report = partial(shares.note, digest)
        synthesis = speak(self._engine, chunk.request, lease, on_progress=report, is_over=abreast.is_over)
        # Nobody hears what hooks have not seen: they see a long text's speech chunk by chunk.
        speech = self._hooks.process(synthesis.audio, self._owner, lease.check)
        # An attempt that lost its job leaves nothing behind.
        lease.check()
        shelf.keep(digest, speech)

    def _at_once(self) -> int:
        settings = self._parts.settings
        by_itself = settings.max_concurrency if self._engine.describe().batches else 1
        return settings.long_chunks_at_once or by_itself

    def _is_to_give_way(self, began: float) -> bool:
        """Whether its turn is over and others wait for this worker, unless all would have to be spoken again."""
        if self._parts.clock() - began < self._parts.settings.long_turn_seconds:
            return False
        try:
            waiting = self._parts.queue.depth(self._parts.settings.taken_lanes)
            return waiting > 0 and bool(self._engine.describe().fingerprint)
        except Unavailable:
            return False  # Who knows.
