"""What the peers are asked to say: exact lengths, since time goes by frames, and random tokens, since it does not
go by words."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import torch
from torch import Tensor

from benchmarks.engine.models import REFERENCE_SECONDS, TOTAL_SECONDS
from benchmarks.engine.parts import Size
from f5_tts_core import limits

Workload = Literal["short", "mixed", "long"]
WORKLOADS: Final[tuple[Workload, ...]] = ("short", "mixed", "long")
#: Characters a second of ordinary speech.
_CHARACTERS_PER_SECOND: Final = 14
#: Ids below this are in every vocabulary we write.
_TOKENS: Final = 95
#: Different utterances a workload; few, so that each one's shape can be warmed up.
_VARIETY: Final = 4
#: The tiny model is for machines that would take all day over longer ones.
_SECONDS: Final = {"short": (1.0, 2.0), "long": (12.0, 20.0)}
_TINY_SECONDS: Final = {"short": (1.0, 2.0), "long": (4.0, 8.0)}


@dataclass(frozen=True, eq=False)
class Chunk:
    """Token ids of transcript and text together [tokens], and the speech's length in mel frames."""

    tokens: Tensor
    speech_frames: int


@dataclass(frozen=True, eq=False)
class Utterance:
    """One request below the text front end: `reference` [samples] at 24 kHz, and the text's chunks."""

    reference: Tensor
    chunks: tuple[Chunk, ...]
    nfe_step: int
    seed: int = 0

    @property
    def speech_seconds(self) -> float:
        return sum(chunk.speech_frames for chunk in self.chunks) / limits.FRAMES_PER_SECOND

    @property
    def frames(self) -> int:
        """Mel frames of the longest chunk, its reference included."""
        return reference_frames(self.reference) + max(chunk.speech_frames for chunk in self.chunks)

    def at(self, nfe_step: int) -> "Utterance":
        return replace(self, nfe_step=nfe_step)


def reference_frames(reference: Tensor) -> int:
    return len(reference) // limits.HOP_LENGTH + 1


def utterance(size: Size, speech_seconds: float, nfe_step: int, seed: int) -> Utterance:
    """As many equal chunks as the model's length asks for, after a reference of the size's usual length."""
    held = REFERENCE_SECONDS[size]
    generator = torch.Generator().manual_seed(seed)
    reference = 0.1 * torch.randn(round(held * limits.SAMPLE_RATE), generator=generator)
    count = -int(-speech_seconds // (TOTAL_SECONDS[size] - held - 0.1))
    each = speech_seconds / count
    tokens = torch.randint(1, _TOKENS, (count, round((held + each) * _CHARACTERS_PER_SECOND)), generator=generator)
    frames = round(each * limits.FRAMES_PER_SECOND)
    return Utterance(reference, tuple(Chunk(row, frames) for row in tokens), nfe_step, seed)


def workload(name: Workload, size: Size, nfe_step: int, seed: int) -> Sequence[Utterance]:
    """Utterances of the workload's lengths, the same for the same seed. Mixed is half of either, shuffled."""
    drawn = random.Random(f"{name} {seed}")  # noqa: S311 - a benchmark's lengths are no secret
    kinds = ["short", "long"] * (_VARIETY // 2) if name == "mixed" else [name] * _VARIETY
    drawn.shuffle(kinds)
    seconds = _TINY_SECONDS if size == "tiny" else _SECONDS
    return [utterance(size, drawn.uniform(*seconds[kind]), nfe_step, seed + index) for index, kind in enumerate(kinds)]
