"""The chunks of a long text become one file: never more of it in memory than two of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from tempfile import TemporaryFile
from typing import IO, BinaryIO, Final

import numpy as np
import soxr

from f5_tts_core import limits
from f5_tts_core.audio.encoding import Samples, file_writer
from f5_tts_core.audio.loudness import Source, peak_dbfs, source_at_loudness, source_integrated
from f5_tts_core.formats import Encoding
from f5_tts_core.joining import Fader, remove_silence, trim

#: Between two speakers.
_PAUSE_SECONDS: Final = 0.25
#: What is left of the silence at a chunk's edges where silence is removed: more than chunks fade into each other.
_INNER_EDGE_SECONDS: Final = 0.2
#: Bytes of a block: 65,536 samples.
_BLOCK: Final = 4 * 65_536


@dataclass(frozen=True, eq=False)
class Part:
    """A chunk's speech: float32 samples [n] at `limits.SAMPLE_RATE`."""

    samples: Samples
    #: Whether somebody else speaks after it.
    ends_turn: bool = False


@dataclass(frozen=True)
class Finish:
    """How speech is written."""

    encoding: Encoding
    #: LUFS; None: as it was spoken.
    loudness: float | None = None
    trim: bool = False
    remove_silence: bool = False


@dataclass(frozen=True)
class Written:
    seconds: float
    #: Largest sample, in dB of full scale, and integrated loudness; None: it is silent.
    peak_dbfs: float | None
    loudness_lufs: float | None


class Joiner:
    """Puts chunks together: one fades into the next, and before another speaker there is a pause."""

    def __init__(self) -> None:
        self._fader = Fader(limits.DEFAULT_CROSS_FADE_SECONDS)

    def add(self, part: Part, *, last: bool) -> Samples:
        """The samples that nothing changes any more."""
        joined = self._fader.add(part.samples, last=last or part.ends_turn)
        if last or not part.ends_turn:
            return joined
        return np.concatenate([joined, np.zeros(round(_PAUSE_SECONDS * limits.SAMPLE_RATE), np.float32)])


def write_speech(
    parts: Iterable[Part], finish: Finish, file: BinaryIO, *, check: Callable[[], None] = lambda: None
) -> Written:
    """Write a file of the parts in order; it must be one to seek in. The speech lies in a temporary file meanwhile.

    `check` is called every few seconds of speech, and ends the work by raising.
    """
    rate = finish.encoding.sample_rate
    with TemporaryFile() as on_disk, TemporaryFile() as limited:
        spool = _Spool(on_disk, check)
        source = spool.keep(_resampled(_joined(parts, finish), rate))
        if finish.loudness is not None:
            source = source_at_loudness(source, rate, finish.loudness, _Spool(limited, check).keep)
        encoder = _Encoder(file, finish.encoding)
        try:
            loudness = source_integrated(lambda: encoder.passing(source()), rate)
        finally:
            encoder.finish()
        return Written(spool.samples / rate, peak_dbfs(encoder.peak), loudness)


def _joined(parts: Iterable[Part], finish: Finish) -> Iterator[Samples]:
    joiner = Joiner()
    first = True
    for part, following in pairwise(chain(parts, [None])):
        assert part is not None  # noqa: S101 - none but the last is
        last = following is None
        yield joiner.add(Part(_cut(part.samples, finish, first, last), part.ends_turn), last=last)
        first = False


def _cut(samples: Samples, finish: Finish, first: bool, last: bool) -> Samples:
    """Long silence out, and off the ends of the whole, as was asked for."""
    if finish.remove_silence:
        before, after = (limits.EDGE_SECONDS if edge else _INNER_EDGE_SECONDS for edge in (first, last))
        return remove_silence(samples, before=before, after=after)
    return trim(samples, start=first, end=last) if finish.trim and (first or last) else samples


def _resampled(signal: Iterable[Samples], rate: int) -> Iterator[Samples]:
    if rate == limits.SAMPLE_RATE:
        yield from signal
        return
    stream = soxr.ResampleStream(limits.SAMPLE_RATE, rate, 1)
    yield from map(stream.resample_chunk, signal)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


class _Encoder:
    """Writes the signal that passes through it, once."""

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._writer = file_writer(file, encoding)
        #: The largest sample's size.
        self.peak = 0.0

    def passing(self, signal: Iterable[Samples]) -> Iterator[Samples]:
        for samples in signal:
            self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
            self._writer.add(np.clip(samples, -1.0, 1.0))
            yield samples

    def finish(self) -> None:
        self._writer.finish()


class _Spool:
    """Samples on disk, to be gone through as often as need be."""

    def __init__(self, file: IO[bytes], check: Callable[[], None]) -> None:
        self._file = file
        self._check = check
        self.samples = 0

    def keep(self, signal: Iterable[Samples]) -> Source:
        """In place of what was kept before."""
        self._file.seek(0)
        self._file.truncate()
        self.samples = 0
        for samples in signal:
            self._file.write(samples.astype(np.float32, copy=False).tobytes())
            self.samples += len(samples)
        return self._blocks

    def _blocks(self) -> Iterator[Samples]:
        self._file.seek(0)
        for block in iter(partial(self._file.read, _BLOCK), b""):
            self._check()
            yield np.frombuffer(block, np.float32)
