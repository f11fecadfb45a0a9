"""Clients that go on asking while parts die: Timbre's own, which tries again what is safe to try again."""

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx

from f5_tts_core.testing import speech_like, wav_bytes
from timbre_client import Timbre
from timbre_client.errors import ConflictError, TimbreError

_REFERENCE: Final = wav_bytes(speech_like(2.5))
_TRANSCRIPT: Final = "These are some words."
#: What clients ask for, and how often.
_KINDS: Final = {"job": 8, "urgent job": 2, "canceled job": 2, "long text": 1, "batch": 1, "stream": 3}
BATCH_ITEMS: Final = 5
_LONG_SENTENCES: Final = 40
_TIMEOUT_SECONDS: Final = 20.0


@dataclass
class Ledger:
    """What was promised. Filled by all clients at once: a set's and a counter's steps are whole."""

    #: Ids of jobs and batches that were accepted.
    jobs: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    #: Of jobs, those that their clients wanted stopped.
    unwanted: set[str] = field(default_factory=set)
    #: By kind.
    accepted: Counter[str] = field(default_factory=Counter)
    #: By kind: turned away, or cut off, after all tries.
    refused: Counter[str] = field(default_factory=Counter)


class Traffic:
    """`clients` threads that ask until the block ends."""

    def __init__(self, url: str, ledger: Ledger, *, clients: int, seed: int) -> None:
        self._url = url
        self._ledger = ledger
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_on, args=(random.Random(f"{seed}-{number}"),))  # noqa: S311
            for number in range(clients)
        ]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, chance: random.Random) -> None:
        with Timbre(self._url, timeout=_TIMEOUT_SECONDS) as client:
            while not self._over.wait(chance.uniform(0.0, 0.4)):
                (kind,) = chance.choices([*_KINDS], [*_KINDS.values()])
                try:
                    self._ask(client, kind, chance)
                    self._ledger.accepted[kind] += 1
                except (TimbreError, httpx.HTTPError):
                    self._ledger.refused[kind] += 1

    def _ask(self, client: Timbre, kind: str, chance: random.Random) -> None:
        steps = chance.choice((4, 8, 16))
        if kind == "batch":
            texts = [_text(chance) for _ in range(BATCH_ITEMS)]
            batch = client.batches.create(texts, voice=_REFERENCE, ref_text=_TRANSCRIPT, nfe_step=4)
            self._ledger.batches.add(batch.batch_id)
        elif kind == "stream":
            self._listen(client, steps, chance)
        else:
            text = _text(chance) * (_LONG_SENTENCES if kind == "long text" else 1)
            job = client.tts.create(
                text,
                voice=_REFERENCE,
                ref_text=_TRANSCRIPT,
                nfe_step=steps,
                long=kind == "long text" or None,
                priority="interactive" if kind == "urgent job" else None,
            )
            self._ledger.jobs.add(job.job_id)
            if kind == "canceled job":
                self._ledger.unwanted.add(job.job_id)
                time.sleep(chance.uniform(0.0, 0.5))
                with suppress(ConflictError):  # it was spoken already
                    client.jobs.cancel(job)

    def _listen(self, client: Timbre, steps: int, chance: random.Random) -> None:
        """To the end, or, one time in three, to the first sound."""
        leaves = chance.random() < 1 / 3
        with client.tts.stream(
            _text(chance), voice=_REFERENCE, ref_text=_TRANSCRIPT, nfe_step=steps, format="pcm"
        ) as speech:
            for _ in speech:
                if leaves:
                    return


def _text(chance: random.Random) -> str:
    """Unlike any other: by it one tells whether a request became two jobs, and none is answered by the cache."""
    return f"Number {chance.getrandbits(48)} says hello to everybody. "
