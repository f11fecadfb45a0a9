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
from f5_tts_core.audio import encode
from f5_tts_core.engine import Engine
from f5_tts_core.errors import TimbreError
from f5_tts_core.text.duration import estimate_seconds
from f5_tts_core.types import Reference, SynthesisRequest, Waveform
from training.espeak import Espeak


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
    """One item's figures. A suffix says who spoke: the model, the teacher, the teacher with other words, or as another.

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


def speak(engine: Engine, text: str, reference: Reference, *, seed: int, nfe_step: int) -> Take:
    """As a job's request: nothing is known but the text and the reference."""
    try:
        synthesis = engine.synthesize(SynthesisRequest(text, reference, seed=seed, nfe_step=nfe_step))
    except TimbreError as error:
        return Take(Waveform(np.zeros(0, np.float32)), 0.0, error.type)
    return Take(synthesis.audio, synthesis.timings["total"])


class Examiner:
    """Measures takes. Holds the recognizer, the speaker encoder and the teacher; for one thread."""

    def __init__(self, recognizer: Recognizer, encoder: SpeakerEncoder) -> None:
        self._recognizer = recognizer
        self._encoder = encoder

    def examine(self, engine: Engine, item: Item, nfe_step: int, espeak: Espeak) -> Row:
        """Speak the item's sentence in its held-out voice, and compare with what the teacher makes of it."""
        clip = trimmed(espeak.speak(item.reference_sentence, item.voice))
        teacher = trimmed(espeak.speak(item.sentence, item.voice))
        floor = trimmed(espeak.speak(item.other_sentence, item.voice))
        other = trimmed(espeak.speak(item.sentence, item.other_voice))
        reference = Reference(encode(clip, "wav"), item.reference_sentence)
        take = speak(engine, item.sentence, reference, seed=item.seed, nfe_step=nfe_step)
        failure = "refused" if take.error else failure_of(take.audio, spoken_seconds(teacher))
        ours = _audible(take.audio)
        tract, voice = item.voice.tract, self._encoder.embed(clip)
        return Row(
            sentence=item.sentence,
            voice=f"{item.voice.variant} pitch {item.voice.pitch} rate {item.voice.rate} tract {tract:.3f}",
            nfe_step=nfe_step,
            seed=item.seed,
            is_heard=item.is_heard,
            words=self._words(ours, item.sentence, tract),
            words_teacher=self._words(teacher, item.sentence, tract),
            words_floor=self._words(floor, item.sentence, tract),
            speaker=self._speaker(ours, voice),
            speaker_teacher=self._speaker(teacher, voice),
            speaker_other=self._speaker(other, voice),
            distance=None if ours is None else mel_cepstral_distance(ours, teacher),
            distance_floor=mel_cepstral_distance(floor, teacher),
            distance_other=mel_cepstral_distance(other, teacher),
            failure=failure,
            audio_seconds=take.audio.seconds,
            work_seconds=take.seconds,
        )

    def examine_recording(
        self, engine: Engine, reference: Reference, clip: Waveform, sentence: str, *, seed: int, nfe_step: int
    ) -> Row:
        """Speak `sentence` in the voice of a real recording, whose samples are `clip`: there is no teacher."""
        take = speak(engine, sentence, reference, seed=seed, nfe_step=nfe_step)
        heard = trimmed(clip)
        expected = estimate_seconds(
            sentence, reference_seconds=spoken_seconds(clip), reference_text=reference.text, speed=1.0
        )
        ours = _audible(take.audio)
        return Row(
            sentence=sentence,
            voice="recording",
            nfe_step=nfe_step,
            seed=seed,
            is_heard=True,
            words=self._words(ours, sentence, 1.0),
            words_teacher=None,
            words_floor=None,
            speaker=self._speaker(ours, self._encoder.embed(heard)),
            speaker_teacher=None,
            speaker_other=None,
            distance=None,
            distance_floor=None,
            distance_other=None,
            failure="refused" if take.error else failure_of(take.audio, expected),
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


def _audible(audio: Waveform) -> Waveform | None:
    """The speech in `audio`, prepared as the teacher's is; None where there is none."""
    return trimmed(audio) if spoken_seconds(audio) > 0 else None
