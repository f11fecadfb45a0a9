"""Speaking a long text: a chunk at a time, each kept as soon as it is spoken, and put together in the end.

An attempt speaks only what is not there yet, whoever spoke it. Never is more in memory than the chunks that are spoken
at once, or two of those that are put together.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from f5_tts_core import limits
from f5_tts_core.assembly import Finish, Part, Written, write_speech
from f5_tts_core.engine import Engine
from f5_tts_core.stopwatch import Stopwatch
from f5_tts_core.types import Reference, SynthesisRequest
from services.shared.chunks import ChunkEntry
from services.shared.dialogue import NARRATOR, Turn, read_turns
from services.shared.hooks import AudioChain
from services.shared.job import Job, JobOutput, output_key, text_key
from services.shared.parts import Parts
from services.shared.recall import digest_of
from services.worker.lease import Lease
from services.worker.places import Places
from services.worker.recital import Chunk, Recital
from services.worker.references import ReferenceReader
from services.worker.retry import Ask
from services.worker.shelf import Shelf
from services.worker.speaking import request_of


@dataclass(frozen=True)
class Chapter:
    """What came of it. `metrics` are seconds by stage, and how many chunks there were, and were not spoken anew."""

    output: JobOutput
    metrics: dict[str, float]


class ChapterSpeaker:
    """One for a process; thread-safe."""

    def __init__(
        self, parts: Parts, engine: Engine, references: ReferenceReader, hooks: AudioChain, places: Places
    ) -> None:
        self._parts = parts
        self._engine = engine
        self._references = references
        self._hooks = hooks
        self._places = places

    def speak(self, job: Job, recordings: Mapping[str, bytes], lease: Lease, ask: Ask) -> Chapter:
        """Speak, assemble and upload. Recordings come by mark.

        Raises what engine and stores raise, and why the attempt is to stop.
        """
        watch = Stopwatch(self._parts.clock)
        references = self._read_references(job, recordings, lease)
        watch.lap("transcribe_seconds")
        chunks = self._plan(job, references, ask)
        shelf = Shelf(self._parts, job, ask)
        shelf.publish([chunk.entry for chunk in chunks])
        watch.lap("plan_seconds")
        recital = Recital(self._parts, self._engine, self._hooks, self._places, job.owner)
        counts = recital.speak(chunks, shelf, lease)
        watch.lap("synthesis_seconds")
        with TemporaryFile() as temporary:
            file = cast("BinaryIO", temporary)
            written = write_speech(_parts(chunks, shelf, lease), _finish(job), file, check=lease.explain)
            output = _output(job, file, written)
            watch.lap("assembly_seconds")
            self._upload(job, output, file, ask)
        watch.lap("upload_seconds")
        factor = watch.seconds["synthesis_seconds"] / max(output.duration_seconds, 1e-9)
        return Chapter(output, {**watch.seconds, **counts, "real_time_factor": factor})

    def _read_references(self, job: Job, recordings: Mapping[str, bytes], lease: Lease) -> dict[str, Reference]:
        """By mark."""
        texts = {NARRATOR: job.input.ref_text, **{speaker.mark: speaker.ref_text for speaker in job.input.speakers}}
        references = {}
        for mark, text in texts.items():
            references[mark] = self._references.read(recordings[mark], text)
            lease.check()
        return references

    def _plan(self, job: Job, references: Mapping[str, Reference], ask: Ask) -> list[Chunk]:
        text = ask(lambda: self._parts.blobs.get(text_key(job.id))).decode() if job.input.long else job.input.text
        turns = read_turns(text) if job.input.speakers else [Turn(NARRATOR, text, position=1)]
        return [chunk for turn in turns for chunk in self._chunks(job, turn, references[turn.mark])]

    def _chunks(self, job: Job, turn: Turn, reference: Reference) -> Iterator[Chunk]:
        # What looks at the whole is done to the whole.
        asked = replace(
            request_of(job.input, turn.text, reference), remove_silence=False, stream=False, seed=_seed(job)
        )
        *pieces, last = self._engine.chunks(asked)
        for piece in pieces:
            yield self._chunk(job, replace(asked, text=piece), ends_turn=False)
        yield self._chunk(job, replace(asked, text=last), ends_turn=True)

    def _chunk(self, job: Job, request: SynthesisRequest, *, ends_turn: bool) -> Chunk:
        asked = {
            "text": request.text,
            "reference": request.reference.content_hash,
            "speed": request.speed,
            "seed": request.seed,
            "nfe_step": request.nfe_step,
            "cfg_strength": request.cfg_strength,
        }
        engine = self._hooks.mark(self._engine.describe())
        if not engine.fingerprint:
            # Who knows whether the next attempt's model is the same.
            asked["attempt"] = f"{job.id} {job.attempt}"
        digest = digest_of(job.owner, engine, self._parts.settings, asked)
        # Not by its place in the text, which an edit changes.
        return Chunk(ChunkEntry(digest, ends_turn), replace(request, seed=_drawn(request.seed, request.text)))

    def _upload(self, job: Job, output: JobOutput, file: BinaryIO, ask: Ask) -> None:
        def put() -> None:
            file.seek(0)
            self._parts.blobs.put(output.key, file, output.bytes, job.input.encoding.media_type)

        ask(put)


def _seed(job: Job) -> int:
    """Given, or the same for all attempts at the job; for one that shares its audio, the same for all such jobs."""
    if job.input.seed is not None:
        return job.input.seed
    return 0 if job.input.cache else _drawn(job.id)


def _drawn(*lots: object) -> int:
    """A seed that hangs on these alone."""
    return int.from_bytes(hashlib.sha256(repr(lots).encode()).digest()[:4]) % (limits.MAX_SEED + 1)


def _parts(chunks: Sequence[Chunk], shelf: Shelf, lease: Lease) -> Iterator[Part]:
    for chunk in chunks:
        lease.check()
        yield Part(shelf.samples(chunk.entry.digest), chunk.entry.ends_turn)


def _finish(job: Job) -> Finish:
    asked = job.input
    return Finish(asked.encoding, asked.loudness, asked.trim, asked.remove_silence)


def _output(job: Job, file: BinaryIO, written: Written) -> JobOutput:
    encoding = job.input.encoding
    size = file.seek(0, 2)
    file.seek(0)
    return JobOutput(
        key=output_key(job.id, job.attempt, encoding.format),
        format=encoding.format,
        bytes=size,
        sha256=hashlib.file_digest(file, "sha256").hexdigest(),  # type: ignore[arg-type]
        duration_seconds=written.seconds,
        sample_rate=encoding.sample_rate,
        seed=_seed(job),
        bitrate=encoding.bitrate,
        peak_dbfs=written.peak_dbfs,
        loudness_lufs=written.loudness_lufs,
    )
