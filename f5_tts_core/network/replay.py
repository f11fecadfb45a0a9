"""Steps recorded once a shape and replayed: launching a network's kernels one by one takes a GPU longer than they do.

What is recorded reads and writes the same memory each time, so inputs are copied there, and rows are filled up to a few
numbers. The device's part is a function that records, so that all the rest runs, and is tested, on any device.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor

from f5_tts_core.network.dit import DiT, Modulation

#: Recordings kept: each holds its inputs, and all share one pool for what is between.
_KEPT: Final = 48

Run = Callable[[], Tensor]
#: Makes a recording of a run: the tensor that its result will always be in, and what replays it.
Record = Callable[[Run], tuple[Tensor, Callable[[], object]]]


class Velocity(Protocol):
    """`DiT.velocity`, or what stands for it."""

    def __call__(self, noisy: Tensor, given: Tensor, modulation: Modulation, lengths: Tensor, /) -> Tensor: ...


@dataclass(frozen=True)
class _Recording:
    """One shape's inputs (noisy, given, modulation's two, lengths), its result, and what makes it of them."""

    inputs: tuple[Tensor, ...]
    result: Tensor
    replay: Callable[[], object]
    #: What it reads beside its inputs and the weights. Its place in memory is recorded: it must not be given to others.
    positions: Tensor


class ReplayedVelocity:
    """A `Velocity` that replays. For one thread; its result is the caller's to keep."""

    def __init__(self, network: DiT, record: Record) -> None:
        self._network = network
        self._record = record
        self._recordings: OrderedDict[tuple[int, int], _Recording] = OrderedDict()

    def __call__(self, noisy: Tensor, given: Tensor, modulation: Modulation, lengths: Tensor, /) -> Tensor:
        rows, frames, _ = noisy.shape
        inputs = (noisy, given, *modulation, lengths)
        recording = self._recording((filled_rows(rows), frames), inputs)
        for held, new in zip(recording.inputs, inputs, strict=True):
            held[:rows].copy_(new)
        recording.replay()
        return recording.result[:rows].clone()

    def _recording(self, shape: tuple[int, int], inputs: tuple[Tensor, ...]) -> _Recording:
        if shape not in self._recordings:
            if len(self._recordings) == _KEPT:
                self._recordings.popitem(last=False)
            self._recordings[shape] = self._make(shape[0], inputs)
        self._recordings.move_to_end(shape)
        return self._recordings[shape]

    def _make(self, rows: int, inputs: tuple[Tensor, ...]) -> _Recording:
        """Rows that nobody fills are of one frame: of none, their attention would be undefined."""
        held = tuple(part.new_zeros(rows, *part.shape[1:]) for part in inputs)
        held[-1].fill_(1)
        noisy, given, blocks, out, lengths = held
        result, replay = self._record(lambda: self._network.velocity(noisy, given, Modulation(blocks, out), lengths))
        return _Recording(held, result, replay, self._network.positions(noisy.shape[1]))


def filled_rows(rows: int) -> int:
    """The least number of rows that is recorded and holds `rows`: up to a third more than a power of two holds."""
    power = 1 << (rows - 1).bit_length()
    return power * 3 // 4 if rows <= power * 3 // 4 and power >= 4 else power


def cuda_graphs() -> Record:
    """Records CUDA graphs, which share their memory: only one replays at a time."""
    pool = torch.cuda.graph_pool_handle()

    def record(run: Run) -> tuple[Tensor, Callable[[], object]]:
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(2):  # libraries set themselves up in the first runs, which cannot be recorded
                run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            result = run()
        return result, graph.replay

    return record
