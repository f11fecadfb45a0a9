"""Voices and speech: what is held out stays out, shards come back the same, nothing is made twice."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from f5_tts_core.types import Waveform
from training.errors import TrainingError
from training.recipe import SIZES
from training.speech import levelled, load_corpus, synthesise
from training.texts import read_texts
from training.voices import HELD_OUT_TRACTS, TRAIN_TRACTS, draw_voice, variants_of

SMOKE = SIZES["smoke"]


def test_held_out_voices_never_occur_in_training() -> None:
    rng = np.random.default_rng(0)
    trained, held_out = ([draw_voice(rng, split) for _ in range(500)] for split in ("train", "held-out"))
    assert {voice.variant for voice in trained} == set(variants_of("train"))
    assert {voice.variant for voice in held_out} == set(variants_of("held-out"))
    assert set(variants_of("train")).isdisjoint(variants_of("held-out"))
    for low, high in HELD_OUT_TRACTS:
        assert not [voice for voice in trained if low <= voice.tract <= high]
        assert [voice for voice in held_out if low <= voice.tract <= high]
    for low, high in TRAIN_TRACTS:
        assert not [voice for voice in held_out if low <= voice.tract <= high]


def test_the_corpus_is_what_the_recipe_says(build: Path) -> None:
    corpus = load_corpus(build / "speech", "train")
    sizes = SMOKE.speech
    assert len(corpus.texts) == sizes.speakers * sizes.utterances_per_speaker
    assert np.bincount(corpus.speakers).tolist() == [sizes.utterances_per_speaker] * sizes.speakers
    assert corpus.lengths.sum() == len(corpus.samples)
    assert sizes.min_seconds <= corpus.lengths.min() / 24_000 <= corpus.lengths.max() / 24_000 <= sizes.max_seconds
    assert np.sqrt(np.square(corpus.samples / 32767).mean()) == pytest.approx(0.1, rel=0.05)


def test_held_out_texts_are_said_by_held_out_voices_alone(build: Path) -> None:
    held_out = set(read_texts(build / "texts" / "held-out.txt"))
    said = load_corpus(build / "speech", "held-out").texts
    assert any(text in held_out for text in said)
    assert not held_out.intersection(load_corpus(build / "speech", "train").texts)


def test_only_what_lacks_is_made_and_it_comes_back_the_same(build: Path, tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    shutil.copytree(build / "speech", folder)
    shard = folder / "train-000003.npz"
    before = load_corpus(folder, "train")
    shard.unlink()
    assert synthesise(SMOKE, build / "texts", folder, processes=1) == 1
    after = load_corpus(folder, "train")
    assert after.texts == before.texts
    np.testing.assert_array_equal(after.samples, before.samples)


def test_another_recipes_folder_is_refused(build: Path) -> None:
    with pytest.raises(TrainingError, match="another recipe"):
        synthesise(replace(SMOKE, seed=2), build / "texts", build / "speech")


def test_levelled_speech_has_short_edges_and_the_engines_level() -> None:
    tone = np.sin(np.arange(12_000) * 0.05).astype(np.float32) * 0.01
    audio = levelled(Waveform(np.concatenate([np.zeros(9_000, np.float32), tone, np.zeros(20_000, np.float32)])))
    assert audio.seconds == pytest.approx(0.6, abs=0.002)
    assert np.sqrt(np.square(audio.samples).mean()) == pytest.approx(0.1, rel=1e-3)
    assert len(levelled(Waveform(np.zeros(5_000, np.float32))).samples) == 0
