"""Who is measured. A peer speaks an utterance from the reference's samples to the speech's; ours is here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final, Protocol

import torch
from torch import Tensor

from benchmarks.engine.utterances import Chunk, Utterance
from f5_tts_core import limits
from f5_tts_core.batcher import Rung, StepBatcher
from f5_tts_core.checkpoint import load_fast_dit, load_vocoder
from f5_tts_core.devices import DTYPES, Placement
from f5_tts_core.manifest import Manifest
from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.network.replay import cuda_graphs
from f5_tts_core.takes import Prompt
from f5_tts_core.types import EngineStats
from f5_tts_core.vocoding import vocoding_on

MAX_BATCH_FRAMES: Final = {"cpu": 8_192, "cuda": 65_536}


@dataclass(frozen=True)
class Spoken:
    """What one utterance took, and its samples [n] on the CPU. Seconds end when the device is done."""

    samples: Tensor
    total_seconds: float
    solver_seconds: float


class Peer(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def stats(self) -> EngineStats:
        """Nothing but noughts where forwards are not shared."""
        ...

    def speak(self, utterance: Utterance) -> Spoken: ...

    def close(self) -> None: ...


#: What makes a peer, so that a run loads only those it measures.
MakePeer = Callable[[], Peer]


class OurPeer:
    """Our batcher, network and vocoder, as `F5Engine` joins them, below its text front end."""

    name = "timbre"

    def __init__(self, manifest: Manifest, device: str, precision: str) -> None:
        self.precision = precision
        placement = Placement(torch.device(device), DTYPES[precision])
        record = cuda_graphs() if device == "cuda" else None
        rung = Rung(placement, lambda: load_fast_dit(manifest, placement.device, placement.dtype), record)
        self._mel = MelSpectrogram()
        self._batcher = StepBatcher([rung], max_frames=MAX_BATCH_FRAMES[device])
        self._batcher.start()
        self._vocoding = vocoding_on(
            placement.device,
            load_vocoder(manifest, placement.device),
            self._batcher,
            max_frames=MAX_BATCH_FRAMES[device],
        )

    @property
    def stats(self) -> EngineStats:
        return self._batcher.stats

    def close(self) -> None:
        self._vocoding.close()
        self._batcher.close()

    def speak(self, utterance: Utterance) -> Spoken:
        started = perf_counter()
        reference = self._batcher.prepare(partial(self._mel_of, utterance.reference))
        before_solver = perf_counter()
        mels = self.solve(utterance, reference)
        solved = perf_counter()
        samples = [self._vocoding.decode(mel[len(reference) :]) for mel in mels]
        return Spoken(torch.cat(samples), perf_counter() - started, solved - before_solver)

    def mels(self, utterance: Utterance) -> list[Tensor]:
        """The speech's mels alone, a chunk each: fp32 [frames, n_mels] on the CPU."""
        reference = self._batcher.prepare(partial(self._mel_of, utterance.reference))
        return [mel[len(reference) :] for mel in self.solve(utterance, reference)]

    def solve(self, utterance: Utterance, reference: Tensor) -> list[Tensor]:
        """Mels of all chunks, reference included."""
        prompts = [_prompt(utterance, chunk, reference, index) for index, chunk in enumerate(utterance.chunks)]
        ticket = self._batcher.submit(prompts)
        for _ in ticket.progress():
            pass
        return list(ticket.mels)

    def _mel_of(self, samples: Tensor) -> Tensor:
        spectrogram: Tensor = self._mel(samples[None])
        return spectrogram[0].T.contiguous()


def _prompt(utterance: Utterance, chunk: Chunk, reference: Tensor, index: int) -> Prompt:
    frames = max(len(reference) + chunk.speech_frames, len(chunk.tokens) + 1)
    cond = torch.zeros(frames, limits.N_MELS)
    cond[: len(reference)] = reference
    generator = torch.Generator().manual_seed(utterance.seed + index)
    return Prompt(
        cond=cond,
        tokens=chunk.tokens,
        noise=torch.randn(frames, limits.N_MELS, generator=generator),
        nfe_step=utterance.nfe_step,
        cfg_strength=limits.DEFAULT_CFG_STRENGTH,
        sway_coef=limits.DEFAULT_SWAY_COEF,
    )
