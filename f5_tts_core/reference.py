"""Make an upload into a reference: decoded, judged, trimmed, cut to what the model follows, raised in level."""

from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from f5_tts_core import errors, limits
from f5_tts_core.audio import Recording, check, decode
from f5_tts_core.audio.activity import Span, speech_spans
from f5_tts_core.audio.checking import check_seconds
from f5_tts_core.cutting import cut_with_transcript, cut_without_transcript
from f5_tts_core.text.duration import speech_weight
from f5_tts_core.types import Waveform

_FADE_SECONDS: Final = 0.005
#: Units of `speech_weight` a second of speech, pauses left out, that a voice can have.
MIN_SPEECH_RATE: Final = 3.0
MAX_SPEECH_RATE: Final = 30.0


@dataclass(frozen=True)
class ReferenceReport:
    """What was found and done. Seconds; peak, rms and clipping are the upload's own, before its level was raised."""

    original_seconds: float
    seconds: float
    peak: float
    rms: float
    clipped_share: float
    #: Whether the clip was longer than the model follows, and lost its end.
    cut: bool


@dataclass(frozen=True, eq=False)
class ReferenceClip:
    """A reference as the model takes it."""

    #: 24 kHz, free of DC, silence at the edges trimmed to 50 ms, raised to the target level.
    audio: Waveform
    #: What is said in `audio`; None where it was not known.
    text: str | None = field(repr=False)
    #: What the level was multiplied by, 1.0 or more. Speech made from the clip is divided by it.
    gain: float
    report: ReferenceReport


def prepare_reference(
    data: bytes | BinaryIO,
    text: str | None,
    *,
    max_seconds: float = limits.DEFAULT_REFERENCE_SECONDS,
    target_rms: float = limits.TARGET_RMS,
) -> ReferenceClip:
    """The clip that a model follows for at most `max_seconds`, and the part of the transcript that is said in it.

    `text` None means nobody knows yet what is said. Raises `AudioError`, and `TranscriptMismatch` or `EmptyText`
    for a transcript that cannot be the clip's.
    """
    return prepare_recording(decode(data), text, max_seconds=max_seconds, target_rms=target_rms)


def prepare_recording(
    recording: Recording,
    text: str | None,
    *,
    max_seconds: float = limits.DEFAULT_REFERENCE_SECONDS,
    target_rms: float = limits.TARGET_RMS,
) -> ReferenceClip:
    """`prepare_reference` of what is decoded already. Raises what it raises after decoding."""
    audio, text, report = _judge(recording, text, max_seconds)
    gain = max(1.0, target_rms / report.rms)
    return ReferenceClip(Waveform(audio.samples * np.float32(gain), audio.sample_rate), text, gain, report)


def check_upload(
    data: bytes | BinaryIO,
    text: str | None,
    *,
    max_seconds: float = limits.DEFAULT_REFERENCE_SECONDS,
) -> ReferenceReport:
    """Judge an upload at once, without a model. Raises what `prepare_reference` raises."""
    _, _, report = _judge(decode(data), text, max_seconds)
    return report


def _judge(recording: Recording, text: str | None, max_seconds: float) -> tuple[Waveform, str | None, ReferenceReport]:
    """What the model is to follow, at its own level, what is said in it, and what was found."""
    checked = check(recording)
    spans = _speech(checked)
    if text is not None:
        _check_transcript(text, spans)
    audio, text, cut = _shorten(checked, spans, text, max_seconds)
    check_seconds(audio.seconds, "speech in the audio")
    return audio, text, _report(recording, audio, cut=cut)


def _speech(audio: Waveform) -> list[Span]:
    spans = speech_spans(audio.samples, audio.sample_rate)
    check_seconds(sum(span.seconds for span in spans), "speech in the audio")
    return spans


def _check_transcript(text: str, spans: list[Span]) -> None:
    weight = speech_weight(text)
    if not weight:
        raise errors.EmptyText("The transcript holds no words; leave it out, or write what is said in the audio.")
    seconds = sum(span.seconds for span in spans)
    if not MIN_SPEECH_RATE <= weight / seconds <= MAX_SPEECH_RATE:
        amount = "little" if weight / seconds < MIN_SPEECH_RATE else "much"
        raise errors.TranscriptMismatch(
            f"The transcript is far too {amount} for {seconds:.1f} s of speech: it would take a voice between "
            f"{weight / MAX_SPEECH_RATE:.1f} s and {weight / MIN_SPEECH_RATE:.1f} s. "
            "Write exactly what is said in the audio, or leave the transcript out."
        )


def _shorten(
    audio: Waveform, spans: list[Span], text: str | None, max_seconds: float
) -> tuple[Waveform, str | None, bool]:
    """Trim the edges; cut what is still too long. Audio, the transcript that is left, and whether it was cut."""
    start, end = kept_span(audio, spans)
    if end - start <= max_seconds:
        return _slice(audio, start, end), text, False
    shifted = [Span(span.start - start, span.end - start) for span in spans]
    trimmed = _slice(audio, start, end)
    if text is None:
        return _slice(trimmed, 0.0, cut_without_transcript(trimmed, shifted, max_seconds)), None, True
    cut = cut_with_transcript(shifted, text, max_seconds)
    return _slice(trimmed, 0.0, cut.seconds), text[: cut.characters].rstrip(" ,;:，；：、—–"), True


def kept_span(audio: Waveform, spans: list[Span]) -> tuple[float, float]:
    """Start and end in seconds of what is left when the silence at the edges is trimmed."""
    start = max(0.0, spans[0].start - limits.EDGE_SECONDS)
    return start, min(audio.seconds, spans[-1].end + limits.EDGE_SECONDS)


def _slice(audio: Waveform, start: float, end: float) -> Waveform:
    """A part of the audio, in seconds, with edges faded so that they do not click."""
    samples = audio.samples[round(start * audio.sample_rate) : round(end * audio.sample_rate)].copy()
    fade = min(round(_FADE_SECONDS * audio.sample_rate), len(samples))
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    samples[:fade] *= ramp
    samples[len(samples) - fade :] *= ramp[::-1]
    return Waveform(samples, audio.sample_rate)


def _rms(samples: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(samples).mean(dtype=np.float64)))


def _report(recording: Recording, audio: Waveform, *, cut: bool) -> ReferenceReport:
    source, rms = recording.source, _rms(audio.samples)
    return ReferenceReport(source.seconds, audio.seconds, source.peak, rms, source.clipped_share, cut)
