"""From decoded blocks to one mono signal at the model's rate, measured on the way. Memory stays bounded."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soxr

from f5_tts_core import errors, limits
from f5_tts_core.types import Waveform

Block = npt.NDArray[np.float32]

#: At or beyond this share of full scale a sample counts as clipped.
FULL_SCALE = 0.999
#: Float files may pass full scale; what is wildly beyond it is no loudness, and would overflow later.
_CEILING = 4.0
#: Where the mean of the channels keeps less than this share of their power, they cancel each other out.
_CANCELLATION = 0.05


@dataclass(frozen=True)
class Source:
    """What the file itself held, before mixing and resampling."""

    sample_rate: int
    channels: int
    seconds: float
    #: Largest absolute sample; 1.0 is full scale.
    peak: float
    #: Share of the samples at or beyond full scale, 0..1.
    clipped_share: float


@dataclass(frozen=True, eq=False)
class Recording(Waveform):
    """A decoded file: mono at 24 kHz, and what it was made from."""

    source: Source = field(kw_only=True)


class Resampler:
    """Streams one signal from `rate` Hz to the model's rate."""

    def __init__(self, rate: int) -> None:
        self._pieces: list[Block] = []
        self._stream = None if rate == limits.SAMPLE_RATE else soxr.ResampleStream(rate, limits.SAMPLE_RATE, 1)

    def add(self, block: Block) -> None:
        self._pieces.append(block if self._stream is None else self._stream.resample_chunk(block))

    def finish(self) -> Block:
        if self._stream is not None:
            self._pieces.append(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)


class Mixdown:
    """Takes blocks of shape [n, channels] at `rate` Hz; refuses NaN, infinity and more than `max_seconds`."""

    def __init__(self, rate: int, channels: int, max_seconds: float) -> None:
        _check_layout(rate, channels)
        self._rate, self._channels, self._max_seconds = rate, channels, max_seconds
        self._mean = Resampler(rate)
        #: Kept beside the mean in case the channels cancel each other out.
        self._first = Resampler(rate) if channels > 1 else None
        self._frames = self._clipped = 0
        self._peak = self._mean_energy = self._energy = 0.0

    def add(self, block: Block) -> None:
        if not len(block):
            return
        self._measure(block)
        block = np.clip(block, -_CEILING, _CEILING)
        if self._first is None:
            self._mean.add(block[:, 0])
            return
        mean = block.mean(axis=1)
        self._mean.add(mean)
        self._first.add(np.ascontiguousarray(block[:, 0]))
        self._energy += float(np.square(block).sum(dtype=np.float64)) / self._channels
        self._mean_energy += float(np.square(mean).sum(dtype=np.float64))

    def finish(self) -> Recording:
        cancels = self._first is not None and self._mean_energy < _CANCELLATION * self._energy
        samples = self._first.finish() if cancels and self._first is not None else self._mean.finish()
        share = self._clipped / max(1, self._frames * self._channels)
        source = Source(self._rate, self._channels, self._frames / self._rate, self._peak, share)
        return Recording(samples, source=source)

    def _measure(self, block: Block) -> None:
        magnitude = np.abs(block)
        peak = float(magnitude.max())
        if not np.isfinite(peak):
            raise errors.NotFiniteAudio(
                f"The audio holds NaN or infinite samples near {self._frames / self._rate:.1f} s; "
                "every sample must be a finite number."
            )
        self._peak = max(self._peak, peak)
        self._clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))
        self._frames += len(block)
        if self._frames > self._max_seconds * self._rate:
            raise too_long(self._max_seconds)


def too_long(max_seconds: float, seconds: float | None = None) -> errors.TooLongAudio:
    lasts = f"longer than {max_seconds:g} s" if seconds is None else f"{seconds:.0f} s long"
    return errors.TooLongAudio(f"The audio is {lasts}; clips of up to {max_seconds:g} s are accepted.")


def _check_layout(rate: int, channels: int) -> None:
    if not 1 <= channels <= limits.MAX_CHANNELS:
        raise errors.UnsupportedAudioLayout(
            f"The audio has {channels} channels; 1 to {limits.MAX_CHANNELS} are accepted."
        )
    if not limits.MIN_SAMPLE_RATE <= rate <= limits.MAX_SAMPLE_RATE:
        raise errors.UnsupportedAudioLayout(
            f"The audio has a sample rate of {rate} Hz; "
            f"{limits.MIN_SAMPLE_RATE} to {limits.MAX_SAMPLE_RATE} Hz are accepted."
        )
