"""A peer in a process of its own, as it is served: who else is measured neither shares its threads nor slows them."""

from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from typing import Any

import torch

from benchmarks.engine.peers import MakePeer, Peer, Spoken
from benchmarks.engine.utterances import Utterance
from f5_tts_core.threads import all_threads, compute_alone
from f5_tts_core.types import EngineStats


class _Host:
    """In the peer's process. Every thread that calls from outside has one of its own here."""

    def open(self, make: MakePeer, threads: int) -> tuple[str, str]:
        """Its name and precision. Raises what `make` does."""
        torch.set_num_threads(threads)
        compute_alone()
        self._peer = make()
        return self._peer.name, self._peer.precision

    def speak(self, utterance: Utterance) -> Spoken:
        return self._peer.speak(utterance)

    def stats(self) -> EngineStats:
        return self._peer.stats

    def close(self) -> None:
        self._peer.close()


class _Manager(BaseManager):
    pass


_Manager.register("host", _Host)


class PeerProcess:
    """The `Peer` that `make` makes there, with as many of torch's threads as it would have here."""

    def __init__(self, make: MakePeer) -> None:
        self._manager = _Manager(ctx=get_context("spawn"))
        self._manager.start()
        self._host: Any = self._manager.host()  # type: ignore[attr-defined]
        try:
            self.name, self.precision = self._host.open(make, all_threads())
        except BaseException:
            self._manager.shutdown()
            raise

    @property
    def stats(self) -> EngineStats:
        found: EngineStats = self._host.stats()
        return found

    def speak(self, utterance: Utterance) -> Spoken:
        spoken: Spoken = self._host.speak(utterance)
        return spoken

    def close(self) -> None:
        self._host.close()
        self._manager.shutdown()


def open_peers(stack: ExitStack, makers: list[MakePeer], device: str) -> list[Peer]:
    """All of them, closed with the stack: on a CPU each in its process, on a GPU all here, where they wait in turn."""
    peers = []
    for make in makers:
        peer: Peer = make() if device == "cuda" else PeerProcess(make)
        stack.callback(peer.close)
        peers.append(peer)
    return peers
