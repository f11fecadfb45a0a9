"""Peers in processes of their own."""

import os
from contextlib import ExitStack

import pytest

from benchmarks.engine.parts import PartUnavailable
from benchmarks.engine.peer_process import open_peers
from benchmarks.engine.utterances import utterance
from tests.unit.benchmarks.peers import Teller, absent


def test_a_peer_on_a_cpu_speaks_in_a_process_of_its_own() -> None:
    speech = utterance("mini", 1.0, 3, seed=0)
    with ExitStack() as stack:
        apart, other = open_peers(stack, [Teller, Teller], "cpu")
        spoken = apart.speak(speech)
        assert (apart.name, apart.precision, spoken.total_seconds) == ("teller", "fp32", 2.0)
        assert len({os.getpid(), int(spoken.samples), int(other.speak(speech).samples)}) == 3
        assert (apart.stats.forwards, other.stats.forwards) == (3, 3)


def test_peers_on_a_gpu_speak_here() -> None:
    with ExitStack() as stack:
        (here,) = open_peers(stack, [Teller], "cuda")
        assert int(here.speak(utterance("mini", 1.0, 1, seed=0)).samples) == os.getpid()


def test_what_a_peer_lacks_is_told_from_there() -> None:
    with ExitStack() as stack, pytest.raises(PartUnavailable, match="f5-tts is not installed"):
        open_peers(stack, [absent], "cpu")
