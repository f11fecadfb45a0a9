"""Has the teacher speak the texts, in parallel processes, into shards of sound. Free of torch.

A shard is a function of the recipe, the texts and its number: shards that exist are not made again, and one that is
lost comes back the same.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from f5_tts_core import limits
from f5_tts_core.types import Waveform
from training.errors import TrainingError
from training.espeak import Espeak, Voice
from training.recipe import Recipe, SpeechSizes
from training.texts import read_texts
from training.voices import Split, draw_voice

#: Of the peak; quieter than this is an edge.
_SILENCE: Final = 0.01
#: A voice is never twice exactly as fast.
_RATE_JITTER: Final = 0.04
#: How often an utterance is two sentences.
_TWO_SENTENCES: Final = 0.3
_MAX_ATTEMPTS: Final = 100
_IDENTITY: Final = "identity.txt"


@dataclass(frozen=True, eq=False)
class Corpus:
    """What was said: `samples` int16 [t] of all utterances one after the other, and whose each is."""

    texts: list[str]
    #: int64 [utterances]; the same number, the same voice.
    speakers: npt.NDArray[np.int64]
    #: int64 [utterances]: samples of each.
    lengths: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int16]

    @property
    def seconds(self) -> float:
        return len(self.samples) / limits.SAMPLE_RATE

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(
            [text for part in parts for text in part.texts],
            np.concatenate([part.speakers for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.samples for part in parts]),
        )


def synthesise(recipe: Recipe, texts: Path, folder: Path, *, processes: int | None = None) -> int:
    """Makes what lacks in `folder`; the number of shards made. Raises `TrainingError` if it is another recipe's."""
    _claim(folder, recipe, texts)
    missing = [shard for shard in _shards(recipe, texts, folder) if not shard.path.exists()]
    # A fresh process a shard, because the teacher's state runs on; not forked, because torch may have threads.
    workers = ProcessPoolExecutor(processes or os.cpu_count(), get_context("spawn"), max_tasks_per_child=1)
    with workers:
        for done in as_completed([workers.submit(_make, shard) for shard in missing]):
            done.result()
    return len(missing)


def load_corpus(folder: Path, split: Split, *, shards: int | None = None) -> Corpus:
    """All shards of a split, or the first few. Raises `TrainingError` where there are none."""
    paths = sorted(folder.glob(f"{split}-*.npz"))[:shards]
    if not paths:
        raise TrainingError(f"There is no speech in {folder}: run `python -m training speech` first.")
    return Corpus.joined([_read(path) for path in paths])


def levelled(audio: Waveform, rms: float = limits.TARGET_RMS) -> Waveform:
    """The speech as the engine takes a reference: 50 ms of silence at its edges, raised or lowered to `rms`.

    Empty where there is nothing but silence.
    """
    loud = np.flatnonzero(np.abs(audio.samples) > _SILENCE * np.abs(audio.samples).max(initial=0))
    if not len(loud):
        return Waveform(np.zeros(0, np.float32), audio.sample_rate)
    edge = round(limits.EDGE_SECONDS * audio.sample_rate)
    speech = np.pad(audio.samples[loud[0] : loud[-1] + 1], edge)
    level = np.sqrt(np.square(speech).mean(dtype=np.float64))
    return Waveform((speech * (rms / level)).clip(-1, 1).astype(np.float32), audio.sample_rate)


# --- shards ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shard:
    path: Path
    texts: Path
    split: Split
    sizes: SpeechSizes
    seed: int
    #: Numbers of the speakers in it.
    speakers: range


def _shards(recipe: Recipe, texts: Path, folder: Path) -> Iterator[_Shard]:
    sizes = recipe.speech
    counts: dict[Split, int] = {"train": sizes.speakers, "held-out": sizes.held_out_speakers}
    for split, count in counts.items():
        for first in range(0, count, sizes.speakers_per_shard):
            speakers = range(first, min(first + sizes.speakers_per_shard, count))
            path = folder / f"{split}-{first:06d}.npz"
            yield _Shard(path, texts / f"{split}.txt", split, sizes, recipe.seed, speakers)


def _make(shard: _Shard) -> None:
    texts = read_texts(shard.texts)
    espeak = Espeak()
    said = [
        (text, speaker, samples)
        for speaker in shard.speakers
        for text, samples in _utterances(shard, espeak, texts, speaker)
    ]
    temporary = shard.path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(
            file,
            texts=np.frombuffer("\n".join(text for text, _, _ in said).encode(), np.uint8),
            speakers=np.array([speaker for _, speaker, _ in said], np.int64),
            lengths=np.array([len(samples) for _, _, samples in said], np.int64),
            samples=np.concatenate([samples for _, _, samples in said]),
        )
    temporary.rename(shard.path)


def _utterances(
    shard: _Shard, espeak: Espeak, texts: Sequence[str], speaker: int
) -> Iterator[tuple[str, npt.NDArray[np.int16]]]:
    """What one speaker says: each text with its samples."""
    rng = np.random.default_rng([shard.seed, shard.split == "train", speaker])
    voice = draw_voice(rng, shard.split)
    left = shard.sizes.utterances_per_speaker
    for _ in range(_MAX_ATTEMPTS):
        text = _draw_text(rng, texts)
        audio = levelled(espeak.speak(text, _jittered(rng, voice)))
        if shard.sizes.min_seconds <= audio.seconds <= shard.sizes.max_seconds:
            yield text, np.rint(audio.samples * 32767).astype(np.int16)
            left -= 1
        if not left:
            return
    raise TrainingError(f"Of {_MAX_ATTEMPTS} texts hardly one took {voice} between the recipe's shortest and longest.")


def _draw_text(rng: np.random.Generator, texts: Sequence[str]) -> str:
    """A sentence, or now and then two: engines are asked for both."""
    first, second = (texts[int(index)] for index in rng.integers(len(texts), size=2))
    if rng.random() >= _TWO_SENTENCES:
        return first
    return f"{first if first[-1] in '.!?' else first.rstrip(',') + '.'} {second}"


def _jittered(rng: np.random.Generator, voice: Voice) -> Voice:
    return replace(voice, rate=round(voice.rate * rng.uniform(1 - _RATE_JITTER, 1 + _RATE_JITTER)))


def _read(path: Path) -> Corpus:
    with np.load(path) as shard:
        texts = shard["texts"].tobytes().decode().split("\n")
        return Corpus(texts, shard["speakers"], shard["lengths"], shard["samples"])


def _claim(folder: Path, recipe: Recipe, texts: Path) -> None:
    """One folder, one recipe and one set of texts: shards of two would mix unnoticed."""
    digest = hashlib.sha256(f"{recipe.speech}{recipe.seed}".encode())
    for split in ("train", "held-out"):
        digest.update("\n".join(read_texts(texts / f"{split}.txt")).encode())
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / _IDENTITY
    if mark.exists() and mark.read_text() != digest.hexdigest():
        raise TrainingError(f"{folder} holds speech of other texts or another recipe: remove it, or name another.")
    mark.write_text(digest.hexdigest())
