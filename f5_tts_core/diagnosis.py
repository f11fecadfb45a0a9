"""The reference doctor: what is good and bad in a recording that a voice is to be made of. Free of torch."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, Literal

import numpy as np
import numpy.typing as npt

from f5_tts_core import limits
from f5_tts_core.audio import Recording, check, decode
from f5_tts_core.audio.activity import FRAME_RATE, Span, levels_in_decibels, speech_spans
from f5_tts_core.reference import ReferenceClip, kept_span, prepare_recording
from f5_tts_core.text.duration import MAX_RATE, MIN_RATE, speech_weight

TranscriptFit = Literal["plausible", "too-little", "too-much"]

#: Frames between speech and what counts as its pause: fading sounds are no noise.
_GUARD_FRAMES: Final = 3
#: Frames of pause from which on the noise is measured there.
_MIN_PAUSE_FRAMES: Final = 10
#: Without pauses, the share of the frames that counts as the clip's quietest moments.
_QUIETEST_SHARE: Final = 0.05
#: Below this level in dB we tell nothing apart.
_FLOOR_DB: Final = -100.0

# What advice is given at. Levels in dB, shares 0..1.
_NOISY_DB: Final = 20.0
_FAINT_DB: Final = -36.0
_CLIPPED_SHARE: Final = 0.001
_SILENT_SHARE: Final = 0.5
_NARROW_HERTZ: Final = 16_000
_SHORT_SECONDS: Final = 3.0
#: A reference that fills most of what its model follows is not short, however little that is.
_FILLED_SHARE: Final = 0.7


@dataclass(frozen=True)
class Diagnosis:
    """Seconds; levels in dB of full scale; shares 0..1. Measured before the level is raised."""

    #: Of the file.
    seconds: float
    #: Of the file, in Hz.
    sample_rate: int
    #: Pauses left out.
    speech_seconds: float
    #: Share of the file in which nobody speaks.
    silence_share: float
    #: Silence at the edges, which is left away.
    trimmed_seconds: float
    #: What is beyond the model's limit, and left away.
    cut_seconds: float
    #: What the model follows.
    used_seconds: float
    #: Root mean square of the speech.
    level_db: float
    #: Largest sample.
    peak_db: float
    clipped_share: float
    noise_db: float
    #: Speech above noise.
    snr_db: float
    #: Whether the noise was heard in pauses. Else it is the level of the clip's quietest moments: it may be
    #: speech, so that the noise is at most this, and speech at least `snr_db` above it.
    noise_in_pauses: bool
    #: Units of `speech_weight` a second of speech; None without a transcript. Unhurried speech has 10 to 15.
    speech_rate: float | None
    #: Whether a voice can say the transcript in the time; None without one.
    transcript_fit: TranscriptFit | None
    #: In plain words, what to do better; empty where nothing is wrong.
    advice: tuple[str, ...] = ()


def diagnose(
    data: bytes | BinaryIO, text: str | None, *, max_seconds: float = limits.DEFAULT_REFERENCE_SECONDS
) -> Diagnosis:
    """Examine a recording and its transcript for a model that follows `max_seconds`.

    What cannot be used at all raises what `prepare_reference` raises.
    """
    recording = decode(data)
    clip = prepare_recording(recording, text, max_seconds=max_seconds)
    return _Examination(recording, clip, text).conclude(max_seconds)


class _Examination:
    """One recording under the lens."""

    def __init__(self, recording: Recording, clip: ReferenceClip, text: str | None) -> None:
        checked = check(recording)
        self._recording = recording
        self._clip = clip
        self._text = text
        self._spans = speech_spans(checked.samples, checked.sample_rate)
        self._levels = levels_in_decibels(checked.samples, checked.sample_rate)
        self._speaking = _mask(self._spans, len(self._levels))

    def conclude(self, max_seconds: float) -> Diagnosis:
        source = self._recording.source
        speech = sum(span.seconds for span in self._spans)
        trimmed, cut = self._left_away()
        noise, in_pauses = self._noise()
        level = _mean_decibels(self._levels[self._speaking])
        rate = None if self._text is None else speech_weight(self._text) / speech
        diagnosis = Diagnosis(
            seconds=round(source.seconds, 3),
            sample_rate=source.sample_rate,
            speech_seconds=round(speech, 2),
            silence_share=round(max(0.0, 1 - speech / self._recording.seconds), 3),
            trimmed_seconds=round(trimmed, 2),
            cut_seconds=round(cut, 2),
            used_seconds=round(self._clip.audio.seconds, 2),
            level_db=round(level, 1),
            peak_db=round(_decibels(source.peak**2), 1),
            clipped_share=round(source.clipped_share, 5),
            noise_db=round(noise, 1),
            snr_db=round(_signal_to_noise(level, noise), 1),
            noise_in_pauses=in_pauses,
            speech_rate=None if rate is None else round(rate, 1),
            transcript_fit=None if rate is None else _fit(rate),
        )
        return replace(diagnosis, advice=tuple(_advice(diagnosis, max_seconds)))

    def _left_away(self) -> tuple[float, float]:
        """Seconds of silence at the edges, and seconds beyond what the model follows."""
        start, end = kept_span(self._recording, self._spans)
        return self._recording.seconds - (end - start), max(0.0, end - start - self._clip.audio.seconds)

    def _noise(self) -> tuple[float, bool]:
        """The level of the noise in dB, and whether it was heard in pauses."""
        pauses = self._levels[~_widened(self._speaking)]
        if len(pauses) >= _MIN_PAUSE_FRAMES:
            # The median: a click or a breath is not the noise.
            return float(np.median(pauses)), True
        quietest = np.sort(self._levels)[: max(1, round(_QUIETEST_SHARE * len(self._levels)))]
        return _mean_decibels(quietest), False


def _advice(found: Diagnosis, max_seconds: float) -> Iterator[str]:
    yield from _advice_on_sound(found)
    yield from _advice_on_length(found, max_seconds)
    yield from _advice_on_transcript(found)


def _advice_on_sound(found: Diagnosis) -> Iterator[str]:
    if found.snr_db < _NOISY_DB and found.noise_in_pauses:
        yield (
            f"The noise is only {found.snr_db:.0f} dB below the voice, and will be spoken along: "
            "record in a quieter room, closer to the microphone."
        )
    elif found.snr_db < _NOISY_DB:
        yield (
            f"No moment of the clip is more than {found.snr_db:.0f} dB below the voice: either there is noise, which "
            "will be spoken along, or no pause to hear it in. Leave a pause between two sentences."
        )
    if found.clipped_share > _CLIPPED_SHARE:
        yield f"{found.clipped_share:.1%} of the samples are at full scale, which distorts: record with less gain."
    if found.level_db < _FAINT_DB:
        yield f"The voice is faint ({found.level_db:.0f} dB): raised to its level, its noise is raised too."
    if found.sample_rate < _NARROW_HERTZ:
        yield (
            f"A sample rate of {found.sample_rate} Hz holds a voice as a telephone does: "
            f"record at {limits.SAMPLE_RATE} Hz or more."
        )


def _advice_on_length(found: Diagnosis, max_seconds: float) -> Iterator[str]:
    if found.cut_seconds > 0:
        yield (
            f"The model follows {max_seconds:g} s: the last {found.cut_seconds:.1f} s are not used. "
            "Put the best part first."
        )
    elif found.speech_seconds < min(_SHORT_SECONDS, _FILLED_SHARE * max_seconds):
        yield (
            f"There are only {found.speech_seconds:.1f} s of speech: a voice is followed better from "
            f"{min(_SHORT_SECONDS, max_seconds):g} to {max_seconds:g} s."
        )
    if found.silence_share > _SILENT_SHARE:
        yield f"In {found.silence_share:.0%} of the clip nobody speaks: long pauses are learned with the voice."


def _advice_on_transcript(found: Diagnosis) -> Iterator[str]:
    match found.transcript_fit:
        case None:
            yield "There is no transcript, so the words are recognized, which may go wrong: write what is said."
        case "too-little":
            yield "The transcript is short for this much speech: is every word in it? A missing one slows speech down."
        case "too-much":
            yield "The transcript is long for this little speech: is every word said? One too many rushes speech."


def _fit(rate: float) -> TranscriptFit:
    if rate < MIN_RATE:
        return "too-little"
    return "too-much" if rate > MAX_RATE else "plausible"


def _mask(spans: list[Span], frames: int) -> npt.NDArray[np.bool_]:
    """True in the frames of the spans, shape [frames]."""
    mask = np.zeros(frames, np.bool_)
    for span in spans:
        mask[round(span.start * FRAME_RATE) : round(span.end * FRAME_RATE)] = True
    return mask


def _widened(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True up to the guard's width around what was true."""
    return np.convolve(mask, np.ones(2 * _GUARD_FRAMES + 1), mode="same") > 0.5


def _signal_to_noise(level: float, noise: float) -> float:
    """The speech's level was measured with the noise in it."""
    signal = 10 ** (level / 10) - 10 ** (noise / 10)
    return max(0.0, _decibels(signal) - noise)


def _mean_decibels(levels: npt.NDArray[np.float64]) -> float:
    return _decibels(float(np.mean(10 ** (levels / 10))))


def _decibels(power: float) -> float:
    return max(_FLOOR_DB, 10 * float(np.log10(max(power, 1e-12))))
