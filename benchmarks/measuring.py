"""One item spoken through the engine, and measured beside its teacher."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.distance import mel_cepstral_distance
from benchmarks.failures import Failure, failure_of, spoken_seconds, trimmed
from benchmarks.items import Item
from benchmarks.recognition import Recognizer, word_accuracy
from benchmarks.sentences import words_of
from benchmarks.speakers import SpeakerEncoder, similarity
from f5_tts_core import limits
from f5_tts_core.audio import decode, encode
from f5_tts_core.engine import Engine
from f5_tts_core.errors import TimbreError
from f5_tts_core.text.duration import estimate_seconds
from f5_tts_core.types import Reference, SynthesisRequest, Waveform
from training.espeak import Espeak


@dataclass(frozen=True)
class Task:
    """What to speak, and how the row names it."""

    sentence: str
    voice: str
    seed: int
    nfe_step: int = limits.PRESETS[limits.DEFAULT_PRESET]
    #: Whether the recognizer understands this voice at all, and by what factor it was resampled.
    is_heard: bool = True
    tract: float = 1.0


@dataclass(frozen=True)
class Take:
    """What the engine made of one request."""

    audio: Waveform
    #: Seconds that it took.
    seconds: float
    #: The error's type where it made nothing.
    error: str | None = None


@dataclass(frozen=True)
class Row:
    """One take's figures. A suffix says who spoke: the model, the teacher, the teacher with other words, or as another.

    None: not measured, because nothing was spoken or there is no teacher.
    """

    sentence: str
    voice: str
    nfe_step: int
    seed: int
    #: Whether the recognizer understands this voice at all.
    is_heard: bool
    words: float
    words_teacher: float | None
    words_floor: float | None
    speaker: float
    speaker_teacher: float | None
    speaker_other: float | None
    #: dB to the teacher's rendering.
    distance: float | None
    distance_floor: float | None
    distance_other: float | None
    failure: Failure | None
    #: Of speech, and of work.
    audio_seconds: float
    work_seconds: float


@dataclass(frozen=True, eq=False)
class Standard:
    """What a take of one item is held to: a reference to follow, and figures that do not depend on the take."""

    reference: Reference
    #: The voice to follow, [256].
    voice: npt.NDArray[np.float32]
    #: The sentence as the teacher says it; None where there is no teacher.
    teacher: Waveform | None
    #: Seconds of speech that the sentence should take.
    expected_seconds: float
    words_teacher: float | None = None
    words_floor: float | None = None
    speaker_teacher: float | None = None
    speaker_other: float | None = None
    distance_floor: float | None = None
    distance_other: float | None = None


def speak(engine: Engine, text: str, reference: Reference, *, seed: int, nfe_step: int) -> Take:
    """As a job's request: nothing is known but the text and the reference."""
    try:
        synthesis = engine.synthesize(SynthesisRequest(text, reference, seed=seed, nfe_step=nfe_step))
    except TimbreError as error:
        return Take(Waveform(np.zeros(0, np.float32)), 0.0, error.type)
    return Take(synthesis.audio, synthesis.timings["total"])


class Examiner:
    """Measures takes by ear and by voice. For one thread."""

    def __init__(self, recognizer: Recognizer, encoder: SpeakerEncoder) -> None:
        self._recognizer = recognizer
        self._encoder = encoder

    def standard_of(self, item: Item, espeak: Espeak) -> Standard:
        """The teacher's renderings, and how well they do themselves.

        Made once an item: what espeak-ng says depends a little on what it said before.
        """
        clip = trimmed(espeak.speak(item.reference_sentence, item.voice))
        teacher = trimmed(espeak.speak(item.sentence, item.voice))
        floor = trimmed(espeak.speak(item.other_sentence, item.voice))
        other = trimmed(espeak.speak(item.sentence, item.other_voice))
        voice = self._encoder.embed(clip)
        return Standard(
            reference=Reference(encode(clip, "wav"), item.reference_sentence),
            voice=voice,
            teacher=teacher,
            expected_seconds=spoken_seconds(teacher),
            words_teacher=self._words(teacher, item.sentence, item.voice.tract),
            words_floor=self._words(floor, item.sentence, item.voice.tract),
            speaker_teacher=self._speaker(teacher, voice),
            speaker_other=self._speaker(other, voice),
            distance_floor=mel_cepstral_distance(floor, teacher),
            distance_other=mel_cepstral_distance(other, teacher),
        )

    def standard_of_recording(self, reference: Reference, sentence: str) -> Standard:
        """A real recording as the voice: nobody else says the sentence in it."""
        clip = decode(reference.audio)
        seconds = estimate_seconds(
            sentence, reference_seconds=spoken_seconds(clip), reference_text=reference.text, speed=1.0
        )
        return Standard(reference, self._encoder.embed(trimmed(clip)), None, seconds)

    def examine(self, take: Take, task: Task, standard: Standard) -> Row:
        failure: Failure | None = "refused" if take.error else failure_of(take.audio, standard.expected_seconds)
        ours = trimmed(take.audio) if spoken_seconds(take.audio) > 0 else None
        return Row(
            sentence=task.sentence,
            voice=task.voice,
            nfe_step=task.nfe_step,
            seed=task.seed,
            is_heard=task.is_heard,
            words=self._words(ours, task.sentence, task.tract),
            words_teacher=standard.words_teacher,
            words_floor=standard.words_floor,
            speaker=self._speaker(ours, standard.voice),
            speaker_teacher=standard.speaker_teacher,
            speaker_other=standard.speaker_other,
            distance=mel_cepstral_distance(ours, standard.teacher) if ours and standard.teacher else None,
            distance_floor=standard.distance_floor,
            distance_other=standard.distance_other,
            failure=failure,
            audio_seconds=take.audio.seconds,
            work_seconds=take.seconds,
        )

    def _words(self, speech: Waveform | None, sentence: str, tract: float) -> float:
        if speech is None:
            return 0.0
        words = words_of(sentence)
        return word_accuracy(words, self._recognizer.hear(speech, words, tract=tract))

    def _speaker(self, speech: Waveform | None, voice: npt.NDArray[np.float32]) -> float:
        return 0.0 if speech is None else similarity(self._encoder.embed(speech), voice)
