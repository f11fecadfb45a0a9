"""The clients of the throughput measurement, and the texts they send."""

from itertools import pairwise
from statistics import fmean, stdev
from threading import Event, Lock

import pytest

from benchmarks.engine.load import closed_loop, open_loop, poisson_arrivals, requests_for
from benchmarks.engine.utterances import WORKLOADS, utterance, workload


class Counter:
    """Counts who is inside at once."""

    def __init__(self) -> None:
        self.served: list[int] = []
        self.most = self._inside = 0
        self._lock = Lock()

    def serve(self, request: int) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self.served.append(request)
        with self._lock:
            self._inside -= 1


def test_every_request_is_served_once_and_timed() -> None:
    counter = Counter()
    load = closed_loop(counter.serve, range(20), clients=4, at_once=4)
    assert sorted(counter.served) == list(range(20))
    assert len(load.latencies) == 20
    assert load.seconds >= max(load.latencies) > 0


def test_no_more_are_served_at_once_than_allowed() -> None:
    counter = Counter()
    closed_loop(counter.serve, range(200), clients=8, at_once=1)
    assert counter.most == 1


def test_a_failure_is_not_a_latency() -> None:
    def fail(_request: int) -> None:
        raise RuntimeError("a kernel broke")

    with pytest.raises(RuntimeError, match="kernel"):
        closed_loop(fail, range(3), clients=2, at_once=2)


@pytest.mark.parametrize(("clients", "expected"), [(1, 4), (4, 4), (6, 8), (16, 16)])
def test_every_kind_of_text_is_sent_equally_often(clients: int, expected: int) -> None:
    assert requests_for(clients, 4, quick=False) == expected


def test_arrivals_by_chance_keep_their_rate() -> None:
    times = poisson_arrivals(4000, rate=5.0, seed=1)
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) >= 0
    assert fmean(gaps) == pytest.approx(0.2, rel=0.05)
    # As wide as their mean: what comes by chance comes in bursts.
    assert stdev(gaps) == pytest.approx(0.2, rel=0.1)
    assert poisson_arrivals(3, 5.0, seed=1) == times[:3] != poisson_arrivals(3, 5.0, seed=2)


def test_a_latency_counts_from_the_arrival() -> None:
    """What waits for those before it waits from when it came."""
    order: list[int] = []

    def serve(request: int) -> None:
        order.append(request)
        if request == 0:
            after.wait(timeout=0.05)

    after = Event()
    load = open_loop(serve, range(3), arrivals=[0.0, 0.0, 0.0], at_once=1)
    assert order == [0, 1, 2]
    assert min(load.latencies) >= 0.05
    assert load.seconds >= max(load.latencies)


def test_a_quick_run_keeps_all_clients_busy() -> None:
    assert [requests_for(clients, 8, quick=True) for clients in (1, 4)] == [2, 4]


def test_an_utterance_is_as_long_as_asked_for() -> None:
    speech = utterance("base", 10.0, 32, seed=1)
    assert len(speech.chunks) == 1
    assert speech.speech_seconds == pytest.approx(10.0, abs=0.01)
    assert speech.frames == pytest.approx(15 * 93.75, abs=2)


def test_a_long_utterance_comes_in_equal_chunks_that_fit() -> None:
    speech = utterance("tiny", 10.0, 7, seed=1)
    assert {chunk.speech_frames for chunk in speech.chunks} == {312}
    assert len(speech.chunks) == 3
    assert speech.frames <= 6.0 * 93.75


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_the_same_for_the_same_seed(name: str) -> None:
    first, again, other = (
        [speech.speech_seconds for speech in workload(name, "tiny", 7, seed)]  # type: ignore[arg-type]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_mixed_texts_are_half_short_half_long() -> None:
    lengths = [speech.speech_seconds for speech in workload("mixed", "tiny", 7, 0)]
    assert sum(length < 3 for length in lengths) == len(lengths) / 2
