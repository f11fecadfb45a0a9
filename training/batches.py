"""Rows for the acoustic model: utterances alone, and pairs of one speaker, in batches of fixed shapes.

A batch is a function of seed and step: a resumed run sees what the uninterrupted one would have seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from f5_tts_core import limits
from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.text.pacing import Pacing
from f5_tts_core.text.vocabulary import Vocabulary
from training.alignment import Aligner
from training.errors import TrainingError
from training.recipe import Recipe
from training.speech import Corpus

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """b rows of n frames. Tensors are on the device."""

    #: fp32 [b, n, n_mels]; anything beyond a row's length.
    mel: Tensor
    #: int64 [b, n]: ids as in vocab.txt, one a frame.
    tokens: Tensor
    #: int64 [b]: frames of each row, and of its first utterance; 0 where there is but one.
    lengths: Tensor
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

    def spoken(self) -> Iterator[npt.NDArray[np.float32]]:
        """The mels of the utterances in their order: fp32 [frames, n_mels], on the CPU."""
        return (mel.float().cpu().numpy() for mel in torch.split(self.mels, self.frames.tolist()))


class Transcripts:
    """The corpus's texts as one token id a frame: where they are spoken, and where they are due by their usual time."""

    def __init__(self, paced: Sequence[Sequence[int]], spoken: Sequence[Sequence[int]]) -> None:
        self._paced = [np.array(row, np.int16) for row in paced]
        self._spoken = [np.array(row, np.int16) for row in spoken]

    @classmethod
    def of_corpus(
        cls, texts: Sequence[str], bank: MelBank, vocabulary: Vocabulary, pacing: Pacing, aligner: Aligner
    ) -> Self:
        tokens = map(aligner.tokenize, texts)
        paced = [pacing.spread(read, frames) for read, frames in zip(tokens, bank.frames.tolist(), strict=True)]
        spoken = [aligner.spread(text, mel) or due for text, mel, due in zip(texts, bank.spoken(), paced, strict=True)]
        return cls(list(map(vocabulary.encode, paced)), list(map(vocabulary.encode, spoken)))

    def of(self, utterances: Sequence[int]) -> Ints:
        """The tokens of one utterance, or of a reference and another, as int64.

        What is to be spoken stands where it is spoken, so that the network follows the times that it is given. Of a
        reference nobody knows that when it is asked for: its tokens stand where they are due.
        """
        *references, last = utterances
        rows = [*(self._paced[reference] for reference in references), self._spoken[last]]
        return np.concatenate(rows).astype(np.int64)


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
        for row, members in enumerate(utterances):
            places[row, : self._frames(members)] = np.concatenate([self._places(one) for one in members])
            tokens[row, : self._frames(members)] = self._transcripts.of(members)
        lengths = self._bank.frames[utterances].sum(axis=1)
        references = self._bank.frames[utterances[:, 0]] * (utterances.shape[1] - 1)
        device = self._bank.mels.device
        mel = self._bank.mels[torch.from_numpy(places).to(device)].float()
        return Batch(mel, *(torch.from_numpy(part).to(device) for part in (tokens, lengths, references)))

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
