"""Peers as the benchmark's are, that other processes can import."""

import os

import torch

from benchmarks.engine.parts import PartUnavailable
from benchmarks.engine.peers import Spoken
from benchmarks.engine.utterances import Utterance
from f5_tts_core.types import EngineStats


class Teller:
    """Speaks the number of its process."""

    name, precision = "teller", "fp32"

    def __init__(self) -> None:
        self.stats = EngineStats()

    def speak(self, utterance: Utterance) -> Spoken:
        self.stats.forwards += utterance.nfe_step
        return Spoken(torch.tensor([os.getpid()]), 2.0, 1.0)

    def close(self) -> None:
        self.stats = EngineStats()


def absent() -> Teller:
    raise PartUnavailable("f5-tts is not installed")
