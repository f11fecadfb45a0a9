"""Continuous batching: one thread owns the device, and takes join and leave its batch at any solver step.

Each row has its own time, length, guidance and noise, and no row's result depends on the others. Ideas from
language-model servers; the flow-matching solver makes it simpler, since a row's state is one mel.
"""

import atexit
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Condition, Thread
from time import perf_counter
from typing import TypeVar

import torch
from torch import Tensor

from f5_tts_core import errors
from f5_tts_core.batch import Batch, Schedule, column, guided_velocity, place
from f5_tts_core.cache import WeighedCache
from f5_tts_core.devices import Placement, is_out_of_memory, mark
from f5_tts_core.network.buckets import BUCKET_FRAMES, padded_length, stacked
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.replay import Record, ReplayedVelocity, Velocity
from f5_tts_core.sampling import modulation_table, time_grid
from f5_tts_core.takes import Prompt, Take, Ticket
from f5_tts_core.threads import compute_alone, compute_with
from f5_tts_core.types import EngineStats

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: Share of a forward that may be padding, and its frames, whatever fits in memory. A CPU gains too little by sharing
#: forwards to compute padding, and loses by it what no longer fits its caches.
_MOST_PADDING = 0.5
_MOST_PADDING_ON_CPU = 0.0
_MOST_FRAMES_ON_CPU = 2_048
_SCHEDULE_CACHE_BYTES = 128 * 1024 * 1024
#: Steps that a GPU may have before it beside the one it is at. With none it would wait for each to be asked for; with
#: all of a request it would be told of cancels, and meet newcomers, when everything is done.
_STEPS_AHEAD = 1


@dataclass(eq=False)
class Rung:
    """A placement of the network, loaded when first needed."""

    placement: Placement
    load: Callable[[], DiT]
    #: What records steps to replay them; None runs them as they are.
    record: Record | None = None
    _network: DiT | None = None
    _velocity: Velocity | None = None

    @property
    def network(self) -> DiT:
        if self._network is None:
            self._network = self.load()
        return self._network

    @property
    def velocity(self) -> Velocity:
        if self._velocity is None:
            self._velocity = ReplayedVelocity(self.network, self.record) if self.record else self.network.velocity
        return self._velocity

    def free(self, *, network: bool) -> None:
        """Give back what is recorded, and, if asked to, the `network`: both are made again when they are needed."""
        self._velocity = None
        if network:
            self._network = None


class StepBatcher:
    """Solves takes together. Thread-safe: `submit` and `call` from anywhere, the device from one thread."""

    def __init__(
        self,
        rungs: Sequence[Rung],
        *,
        max_frames: int,
        deterministic: bool = False,
        threads: int = 0,
        mark: Callable[[torch.device], Callable[[], object]] = mark,
    ) -> None:
        """`threads` of torch's are the device thread's (0: all); others in this process compute with one each.

        `mark` gives what waits for all that a device has been asked for.
        """
        self._rungs = rungs
        self._max_frames = max_frames
        self._threads = threads
        # Kernels choose their summation order by shape, so equal bytes need equal shapes: one take a forward.
        self._deterministic = deterministic
        self._schedules: WeighedCache[Schedule] = WeighedCache(_SCHEDULE_CACHE_BYTES, lambda schedule: schedule.bytes)
        self._takes: list[Take] = []
        self._batch: Batch | None = None
        self._mark = mark
        self._marks: deque[Callable[[], object]] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._closed = False
        self._wake = Condition()
        self._thread = Thread(target=self._run, name="timbre-device", daemon=True)
        self.stats = EngineStats()

    def start(self) -> None:
        self._thread.start()
        # An interpreter that ends while a thread is inside torch takes it down there, and itself with it.
        atexit.register(self.close)
        self.call(partial(compute_with, self._threads))
        compute_alone()

    def close(self) -> None:
        """Stop after the step under way. Requests still waiting fail."""
        atexit.unregister(self.close)
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._drain()

    @property
    def placement(self) -> Placement:
        return self._rungs[0].placement

    def submit(self, prompts: Sequence[Prompt]) -> Ticket:
        """Have all prompts solved; they join the running batch at its next step."""
        ticket = Ticket(total_steps=sum(prompt.nfe_step for prompt in prompts), chunks=len(prompts))
        takes = [Take(prompt, ticket, index) for index, prompt in enumerate(prompts)]
        with self._wake:
            self._require_open()
            self._takes.extend(takes)
            self._wake.notify()
        return ticket

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` on the device thread between two steps, and return what it returns."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        with self._wake:
            self._require_open()
            self._calls.append(run)
            self._wake.notify()
        return future.result()

    def prepare(self, function: Callable[[], T]) -> T:
        """Run what a CPU computes for any device: between two steps where it is the device itself, else at once."""
        if self.placement.device.type == "cpu":
            return self.call(function)
        with torch.inference_mode():
            return function()

    # --- the device thread ----------------------------------------------------------------------

    @torch.inference_mode()
    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._calls or self._takes)
                if self._closed:
                    return
                calls = list(self._calls)
                self._calls.clear()
                self._takes = [take for take in self._takes if not (take.ticket.canceled or take.ticket.failed)]
                takes = list(self._takes)
            for call in calls:
                call()
            if takes:
                self._step(self._select(takes))
            else:
                self._batch = None

    def _select(self, takes: Sequence[Take]) -> list[Take]:
        """Who is in the next forward: requests in turn, their earlier chunks first, as far as frames go."""
        rank: dict[Ticket, int] = defaultdict(int)
        order: list[tuple[int, int, int, Take]] = []
        for position, take in enumerate(takes):
            order.append((rank[take.ticket], take.ticket.served, position, take))
            rank[take.ticket] += 1
        queue = [take for *_, take in sorted(order, key=lambda entry: entry[:3])]
        chosen = queue[:1]
        if self._deterministic:
            return chosen
        for take in queue[1:]:
            if take.rung == chosen[0].rung and self._fit([*chosen, take]):
                chosen.append(take)
        return chosen

    def _fit(self, takes: Sequence[Take]) -> bool:
        """Whether they may share a forward: within the frame budget, and without much of it being padding."""
        lengths = [_padded(take) for take in takes]
        frames = max(lengths) * len(lengths)
        padding = (frames - sum(lengths)) / frames
        if self._rungs[takes[0].rung].placement.device.type == "cpu":
            return frames <= min(self._max_frames, _MOST_FRAMES_ON_CPU) and padding <= _MOST_PADDING_ON_CPU
        return frames <= self._max_frames and padding <= _MOST_PADDING

    def _step(self, takes: Sequence[Take]) -> None:
        started = perf_counter()
        states: list[Tensor] = []
        try:
            states = self._advance(takes)
            self._keep_pace(self._rungs[takes[0].rung].placement.device)
        except Exception as error:
            if not is_out_of_memory(error):
                self._fail(takes, error)
                return
        if not states:
            # Here, since until the handler's end the error holds all that the forward had made.
            self._recover(takes)
            return
        seconds = (perf_counter() - started) / len(takes)
        self.stats.forwards += 1
        self.stats.rows += len(takes)
        for take, state in zip(takes, states, strict=True):
            take.state = state
            take.step += 1
            take.ticket.served = self.stats.forwards
            take.ticket.advance(seconds)
            if take.step == take.prompt.nfe_step:
                self._finish(take, state)

    def _advance(self, takes: Sequence[Take]) -> list[Tensor]:
        """One Euler step of every take: their next states. Changes nothing, so that it can be tried again."""
        rung = self._rungs[takes[0].rung]
        for take in takes:
            place(take, rung.placement.device, rung.network)
        schedules = [self._schedule(take) for take in takes]
        if self._batch is None or self._batch.takes != takes:
            self._batch = Batch.of(takes)
        state = stacked([take.state for take in takes])
        velocity = guided_velocity(rung.velocity, self._batch, schedules, state)
        spans = [
            schedule.times[take.step + 1] - schedule.times[take.step]
            for take, schedule in zip(takes, schedules, strict=True)
        ]
        state = state + column(spans, state.device) * velocity
        return [row[: take.prompt.frames] for take, row in zip(takes, state, strict=True)]

    def _keep_pace(self, device: torch.device) -> None:
        """Wait until the device is at the last step but `_STEPS_AHEAD`."""
        self._marks.append(self._mark(device))
        while len(self._marks) > 1 + _STEPS_AHEAD:
            self._marks.popleft()()

    def _finish(self, take: Take, state: Tensor) -> None:
        mel = state.to("cpu", copy=True)
        if bool(torch.isfinite(mel).all()):
            self._forget(take)
            take.ticket.finish(take.index, mel)
        else:
            self._fall_back(take, errors.NotFiniteOutput("The network produced NaN or infinite values."))

    def _fail(self, takes: Sequence[Take], error: Exception) -> None:
        logger.error("forward failed", exc_info=error)
        for take in takes:
            take.ticket.fail(errors.EngineError("The engine failed while it spoke this text."))

    def _recover(self, takes: Sequence[Take]) -> None:
        """From too little memory: by smaller batches, then by the next placement."""
        self.stats.out_of_memory += 1
        self._free(needed={0, *(take.rung for take in self._takes)})
        if len(takes) > 1:
            frames = max(_padded(take) for take in takes) * len(takes)
            self._max_frames = max(frames // 2, BUCKET_FRAMES)
            logger.warning("out of memory: the frame budget is now %d", self._max_frames)
            return
        self._fall_back(takes[0], errors.OutOfMemory("The device has too little memory for this text and reference."))

    def _free(self, needed: set[int]) -> None:
        """Give back all that can be made again, but the networks of the `needed` rungs."""
        self._batch = None
        self._schedules.clear()
        for index, rung in enumerate(self._rungs):
            rung.free(network=index not in needed)
        if self.placement.device.type == "cuda":
            torch.cuda.empty_cache()

    def _fall_back(self, take: Take, error: errors.EngineError) -> None:
        rung = take.rung + 1
        if rung == len(self._rungs):
            take.ticket.fail(error)
            return
        logger.warning("%s: starting over on %s", error.type, self._rungs[rung].placement)
        take.start_over(rung)
        self._batch = None  # It holds what the network of the placement before made of this take.

    def _schedule(self, take: Take) -> Schedule:
        prompt, rung = take.prompt, self._rungs[take.rung]

        def make() -> Schedule:
            times = time_grid(prompt.nfe_step, prompt.sway_coef)
            return Schedule(times.tolist(), modulation_table(rung.network, times))

        return self._schedules.get((take.rung, prompt.nfe_step, prompt.sway_coef), make)

    # --- under the lock, or after the thread's end ----------------------------------------------

    def _forget(self, take: Take) -> None:
        with self._wake:
            self._takes.remove(take)

    def _require_open(self) -> None:
        if self._closed:
            raise errors.EngineError("The engine is closed.")

    def _drain(self) -> None:
        closed = errors.EngineError("The engine was closed before the request was finished.")
        for take in self._takes:
            take.ticket.fail(closed)
        for call in self._calls:
            call()


def _padded(take: Take) -> int:
    return padded_length(take.prompt.frames)
