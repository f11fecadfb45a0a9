"""Rows for the acoustic model: utterances alone, and pairs of one speaker, in batches of fixed shapes.

A batch is a function of seed and step: a resumed run sees what the uninterrupted one would have seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from f5_tts_core import limits
from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.text.front_end import FrontEnd, join_reference
from f5_tts_core.text.vocabulary import Vocabulary
from training.errors import TrainingError
from training.recipe import Recipe
from training.speech import Corpus

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """b rows of n frames. Tensors are on the device."""

    #: fp32 [b, n, n_mels]; anything beyond a row's length.
    mel: Tensor
    #: int64 [b, n], as `embed_texts` takes them.
    tokens: Tensor
    counts: Tensor
    lengths: Tensor
    #: Frames of the first utterance of each row; 0 where there is but one.
    references: Tensor

    def to(self, device: torch.device) -> Self:
        return type(self)(*(tensor.to(device) for tensor in vars(self).values()))


class MelBank:
    """The mels of a corpus, one after the other: fp16 [all frames, n_mels] on the device, and where each stands."""

    def __init__(self, corpus: Corpus, device: torch.device) -> None:
        self.frames: Ints = corpus.lengths // limits.HOP_LENGTH + 1
        self.starts: Ints = np.cumsum(self.frames) - self.frames
        self.mels = torch.empty(int(self.frames.sum()), limits.N_MELS, dtype=torch.float16, device=device)
        mel = MelSpectrogram().to(device)
        utterances = torch.split(torch.from_numpy(corpus.samples).to(device), corpus.lengths.tolist())
        for samples, room in zip(utterances, torch.split(self.mels, self.frames.tolist()), strict=True):
            room.copy_(mel(samples[None] / 32767)[0].T)


class Transcripts:
    """The corpus's texts as token ids, joined the way the engine joins a transcript and a text."""

    def __init__(self, texts: Sequence[str], vocabulary: Vocabulary, front_end: FrontEnd) -> None:
        self._spoken = [_ids(front_end(text), vocabulary) for text in texts]
        self._leading = [_ids(_leading(text, front_end), vocabulary) for text in texts]
        for reference, text in pairwise(texts[:50]):
            # Else a pair would have to be tokenised anew each time, which is slow.
            if join_reference(reference, text, front_end) != _leading(reference, front_end) + front_end(text):
                raise TrainingError("The text front end reads a pair of texts unlike the two apart.")

    def of(self, first: int, second: int | None) -> Ints:
        """An utterance's tokens, or a pair's."""
        alone = self._spoken[first] if second is None else self._leading[first]
        return alone if second is None else np.concatenate([alone, self._spoken[second]])


@dataclass(frozen=True)
class _Cell:
    """Rows that are padded to one length: utterances [rows, 1] or pairs [rows, 2]."""

    frames: int
    utterances: Ints
    weight: float


class BatchMaker:
    """Draws batches from a corpus."""

    def __init__(self, recipe: Recipe, corpus: Corpus, bank: MelBank, transcripts: Transcripts) -> None:
        self._recipe = recipe
        self._bank = bank
        self._transcripts = transcripts
        self._cells = self._fill_cells(corpus.speakers)
        weights = np.array([cell.weight for cell in self._cells])
        self._odds = weights / weights.sum()

    def batch(self, step: int, *, stream: int = 0) -> Batch:
        """The batch of a step. Another `stream` is another series."""
        rng = np.random.default_rng([self._recipe.seed, stream, step])
        cell = self._cells[rng.choice(len(self._cells), p=self._odds)]
        rows = max(2, self._recipe.dit.frames_per_step // cell.frames)
        return self._collate(cell.frames, cell.utterances[rng.integers(len(cell.utterances), size=rows)])

    def _collate(self, frames: int, utterances: Ints) -> Batch:
        rows = len(utterances)
        places = np.zeros((rows, frames), np.int64)
        tokens = np.zeros((rows, frames), np.int64)
        counts = np.zeros(rows, np.int64)
        for row, members in enumerate(utterances):
            places[row, : self._frames(members)] = np.concatenate([self._places(one) for one in members])
            ids = self._transcripts.of(*members, *([None] * (2 - len(members))))[:frames]
            tokens[row, : len(ids)], counts[row] = ids, len(ids)
        lengths = self._bank.frames[utterances].sum(axis=1)
        references = self._bank.frames[utterances[:, 0]] * (utterances.shape[1] - 1)
        device = self._bank.mels.device
        mel = self._bank.mels[torch.from_numpy(places).to(device)].float()
        return Batch(mel, *(torch.from_numpy(part).to(device) for part in (tokens, counts, lengths, references)))

    def _places(self, utterance: int) -> Ints:
        first = int(self._bank.starts[utterance])
        return np.arange(first, first + int(self._bank.frames[utterance]))

    def _frames(self, members: Ints) -> int:
        return int(self._bank.frames[members].sum())

    def _fill_cells(self, speakers: Ints) -> list[_Cell]:
        alone = np.arange(len(speakers))[:, None]
        pairs = _pairs(speakers)
        if len(pairs):
            short = limits.FRAMES_PER_SECOND * self._recipe.reference_seconds
            pairs = pairs[self._bank.frames[pairs[:, 0]] <= short]
        singles = self._recipe.dit.singles
        cells = self._sorted(alone, singles) + self._sorted(pairs, 1 - singles)
        if not cells:
            raise TrainingError("No utterance fits the recipe's longest row.")
        return cells

    def _sorted(self, utterances: Ints, share: float) -> list[_Cell]:
        """The rows by the bucket that they fit in, each weighed by its frames."""
        buckets = np.array(self._recipe.dit.buckets)
        found = np.searchsorted(buckets, self._bank.frames[utterances].sum(axis=1))
        groups = [(int(frames), utterances[found == bucket]) for bucket, frames in enumerate(buckets)]
        total = sum(frames * len(group) for frames, group in groups) or 1
        return [_Cell(frames, group, share * frames * len(group) / total) for frames, group in groups if len(group)]


def _pairs(speakers: Ints) -> Ints:
    """All ordered pairs of different utterances of one speaker: int64 [pairs, 2]."""
    order = np.argsort(speakers, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(speakers[order])) + 1)
    pairs = [(first, second) for group in groups for first in group for second in group if first != second]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _ids(tokens: list[str], vocabulary: Vocabulary) -> Ints:
    return np.array(vocabulary.encode(tokens), np.int64)


def _leading(text: str, front_end: FrontEnd) -> list[str]:
    """The tokens of a transcript before whatever is to be spoken after it."""
    probe = "a"
    return join_reference(text, probe, front_end)[: -len(front_end(probe))]
