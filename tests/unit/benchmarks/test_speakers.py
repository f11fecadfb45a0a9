"""The speaker encoder with its real weights: one voice is itself in other words, and not another voice."""

import pytest
import torch

from benchmarks.failures import trimmed
from benchmarks.speakers import SpeakerEncoder, load_speaker_encoder, similarity, slaney_filterbank
from f5_tts_core.types import Waveform
from training.espeak import Espeak, Voice

LOW, HIGH = Voice(variant="m6", pitch=30, tract=0.93), Voice(variant="f5", pitch=60, tract=1.08)


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    torch.set_num_threads(1)
    return load_speaker_encoder()


def test_a_voice_is_itself_in_other_words(encoder: SpeakerEncoder) -> None:
    espeak = Espeak()
    low, again, high = (
        encoder.embed(trimmed(espeak.speak(text, voice)))
        for text, voice in (
            ("The river was frozen this morning.", LOW),
            ("My uncle bought another yellow horse.", LOW),
            ("My uncle bought another yellow horse.", HIGH),
        )
    )

    assert similarity(low, low) == pytest.approx(1)
    assert similarity(low, again) > similarity(low, high) + 0.2


def test_the_shortest_speech_has_a_voice_too(encoder: SpeakerEncoder) -> None:
    speech = trimmed(Espeak().speak("Yes.", LOW))

    assert encoder.embed(Waveform(speech.samples[:4_800])).shape == (256,)


def test_filters_are_triangles_of_equal_area_below_eight_kilohertz() -> None:
    filters = slaney_filterbank()

    assert filters.shape == (40, 201)
    assert (filters >= 0).all()
    # Known values of the scale: 15 mel at 1 kHz, 3 mel every 200 Hz below it.
    centers = filters.argmax(axis=1) * 40
    assert (abs(centers[:8] - 78.6 * (1 + torch.arange(8).numpy())) <= 40).all()
    assert filters[20:].sum(axis=1) * 40 == pytest.approx(1, rel=0.1)
