"""The batcher: rows that do not depend on each other, join at any step, and survive a device that fails."""

import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
import torch
from torch import Tensor, nn

from f5_tts_core import errors
from f5_tts_core.batcher import Rung, StepBatcher
from f5_tts_core.devices import Placement
from f5_tts_core.manifest import Architecture
from f5_tts_core.network.dit import DiT, Modulation
from f5_tts_core.network.packing import speed_up
from f5_tts_core.network.replay import Record, ReplayedVelocity, filled_rows
from f5_tts_core.sampling import sample
from f5_tts_core.takes import Prompt, Ticket

CPU = Placement(torch.device("cpu"), torch.float32)
ARCHITECTURE = Architecture(
    dim=64, depth=2, heads=2, dim_head=32, ff_mult=2, text_dim=32, conv_layers=2, text_mask_padding=True
)


class ProbedDiT(DiT):
    """Our network, which notes the rows of each forward and can be told to fail."""

    def __init__(self, fault: Callable[[Tensor], Tensor | None] = lambda noisy: None) -> None:
        super().__init__(ARCHITECTURE, vocabulary_size=20)
        self.rows: list[int] = []
        self._fault = fault

    def velocity(self, noisy: Tensor, given: Tensor, modulation: Modulation, lengths: Tensor | None) -> Tensor:
        self.rows.append(noisy.shape[0])
        instead = self._fault(noisy)
        return super().velocity(noisy, given, modulation, lengths) if instead is None else instead


def network(fault: Callable[[Tensor], Tensor | None] = lambda noisy: None, *, seed: int = 0) -> ProbedDiT:
    """Randomised throughout: freshly initialised, AdaLN and output are zero and every test would pass."""
    dit = ProbedDiT(fault).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in dit.parameters():
            nn.init.normal_(parameter, std=0.08, generator=generator)
    return dit


def prompt(seed: int, frames: int = 80, *, nfe_step: int = 6, cfg_strength: float = 2.0) -> Prompt:
    generator = torch.Generator().manual_seed(seed)
    cond = torch.zeros(frames, 100)
    cond[: frames // 3] = torch.randn(frames // 3, 100, generator=generator)
    return Prompt(
        cond=cond,
        tokens=torch.randint(0, 20, (12 + seed % 5,), generator=generator),
        noise=torch.randn(frames, 100, generator=generator),
        nfe_step=nfe_step,
        cfg_strength=cfg_strength,
        sway_coef=-1.0,
    )


@contextmanager
def running(
    *networks: DiT, max_frames: int = 8_192, deterministic: bool = False, record: Record | None = None
) -> Iterator[StepBatcher]:
    rungs = [Rung(CPU, lambda dit=dit: dit, record) for dit in networks]  # type: ignore[misc]
    batcher = StepBatcher(rungs, max_frames=max_frames, deterministic=deterministic)
    batcher.start()
    try:
        yield batcher
    finally:
        batcher.close()


@contextmanager
def held(batcher: StepBatcher) -> Iterator[None]:
    """Keep the device thread busy, so that everything submitted inside starts at the same step."""
    release, entered = Event(), Event()

    def hold() -> None:
        entered.set()
        release.wait(timeout=30)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(batcher.call, hold)
        entered.wait(timeout=30)
        try:
            yield
        finally:
            release.set()


def solve(batcher: StepBatcher, prompts: Sequence[Prompt]) -> Sequence[Tensor]:
    ticket = batcher.submit(prompts)
    assert list(ticket.progress())[-1] == 1.0
    return ticket.mels


def solve_together(batcher: StepBatcher, requests: Sequence[Sequence[Prompt]]) -> list[Sequence[Tensor]]:
    with held(batcher):
        tickets = [batcher.submit(prompts) for prompts in requests]
    for ticket in tickets:
        list(ticket.progress())
    return [ticket.mels for ticket in tickets]


def test_a_row_in_a_batch_equals_the_same_row_alone() -> None:
    prompts = [prompt(1, 70), prompt(2, 190, nfe_step=9), prompt(3, 128, cfg_strength=0.0), prompt(4, 65)]
    with running(network()) as batcher:
        alone = [solve(batcher, [one])[0] for one in prompts]
        together = solve_together(batcher, [[one] for one in prompts])
    assert batcher.stats.rows > batcher.stats.forwards  # they did share forwards
    for mine, (theirs,) in zip(alone, together, strict=True):
        torch.testing.assert_close(theirs, mine, atol=1e-5, rtol=0)


def test_a_row_is_what_the_plain_solver_makes_of_it() -> None:
    one, dit = prompt(1, 96), network()
    reference = one.cond[:32]
    expected = sample(
        dit,
        reference,
        one.tokens,
        96,
        one.noise,
        steps=one.nfe_step,
        cfg_strength=one.cfg_strength,
        sway=one.sway_coef,
    )
    with running(dit) as batcher:
        (found,) = solve(batcher, [one])
    torch.testing.assert_close(found[32:], expected[32:], atol=1e-4, rtol=0)


def test_two_requests_together_use_fewer_forwards_than_the_sum_of_both() -> None:
    probe = network()
    with running(probe) as batcher:
        solve_together(batcher, [[prompt(1)], [prompt(2, 100)]])
    assert batcher.stats.forwards == 6
    assert probe.rows == [4] * 6  # two conditional and two unconditional lanes


def test_a_request_joins_another_in_the_middle_of_its_solve() -> None:
    late: list[Ticket] = []

    def submit_at_the_fifth_step(_noisy: Tensor) -> None:
        if len(probe.rows) == 5:
            late.append(batcher.submit([prompt(2, nfe_step=4)]))

    probe = network(submit_at_the_fifth_step)
    with running(probe) as batcher:
        solve(batcher, [prompt(1, nfe_step=20)])
        list(late[0].progress())
    assert probe.rows == [2] * 5 + [4] * 4 + [2] * 11
    assert batcher.stats.forwards == 20
    assert batcher.stats.rows == 24


def test_no_guidance_makes_no_unconditional_lane() -> None:
    probe = network()
    with running(probe) as batcher:
        solve(batcher, [prompt(1, cfg_strength=0.0)])
    assert set(probe.rows) == {1}


def test_the_frame_budget_bounds_a_forward() -> None:
    probe = network()
    with running(probe, max_frames=2 * 128) as batcher:
        solve_together(batcher, [[prompt(seed, 100)] for seed in range(5)])
    assert max(probe.rows) == 4
    assert batcher.stats.rows == 30


def test_a_long_request_does_not_starve_a_short_one() -> None:
    with running(network(), max_frames=2 * 128) as batcher:
        with held(batcher):
            long = batcher.submit([prompt(seed, 100) for seed in range(20)])
            short = batcher.submit([prompt(99, 100)])
        list(short.progress())
        forwards_until_short = batcher.stats.forwards
        list(long.progress())
    assert forwards_until_short <= 8
    assert batcher.stats.forwards > 50


def test_cancel_takes_effect_within_two_steps() -> None:
    with running(network()) as batcher:
        ticket = batcher.submit([prompt(1, nfe_step=64)])
        progress = ticket.progress()
        while next(progress) < 0.1:
            pass
        ticket.cancel()
        done = ticket.steps_done
        solve(batcher, [prompt(2)])  # the device is free for others, and has passed the canceled one
        assert ticket.steps_done <= done + 2


def test_the_same_bytes_alone_and_under_load_when_deterministic() -> None:
    prompts = [prompt(seed, 70 + 30 * seed) for seed in range(4)]
    with running(network(), deterministic=True) as batcher:
        alone = solve(batcher, prompts[:1])[0]
        under_load = solve_together(batcher, [[one] for one in prompts])[0][0]
    assert torch.equal(alone, under_load)
    assert batcher.stats.rows == batcher.stats.forwards


def test_a_cpu_does_not_compute_padding_to_share_a_forward() -> None:
    probe = network()
    with running(probe) as batcher:
        solve_together(batcher, [[prompt(1, 60)], [prompt(2, 700)], [prompt(3, 64)]])
    assert sorted(probe.rows) == [2] * 6 + [4] * 6
    assert batcher.stats.forwards == 12


def test_a_cpu_does_not_share_a_forward_beyond_its_caches() -> None:
    probe = network()
    with running(probe) as batcher:
        solve_together(batcher, [[prompt(seed, 1000, nfe_step=2)] for seed in range(3)])
    assert probe.rows == [4] * 3  # two of the three in turn


class Recorder:
    """Records by running again: into the same memory, as a GPU's recordings do."""

    def __init__(self) -> None:
        self.made = self.replayed = 0

    def __call__(self, run: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
        self.made += 1
        result = run().fill_(torch.nan)  # a recording is made, not run: there is no result yet

        def replay() -> None:
            self.replayed += 1
            result.copy_(run())

        return result, replay


def test_replayed_steps_solve_the_same_and_are_recorded_once_a_shape() -> None:
    prompts = [prompt(1, 70), prompt(2, 100, nfe_step=9), prompt(3, 128, cfg_strength=0.0), prompt(4, 300)]
    recorder = Recorder()
    with running(network()) as batcher:
        expected = [solve(batcher, [one])[0] for one in prompts]
    with running(network(), record=recorder) as batcher:
        alone = [solve(batcher, [one])[0] for one in prompts]
        assert recorder.made == 3  # two lanes and one of 128 frames, two of 320
        together = [mels[0] for mels in solve_together(batcher, [[one] for one in prompts])]
    assert recorder.replayed == batcher.stats.forwards
    for found in (alone, together):
        for mine, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)


def test_what_a_recording_reads_stays_in_its_place() -> None:
    """A recording knows its memory alone: whatever else came there would be taken for positions."""
    dit = network()
    replayed = ReplayedVelocity(dit, Recorder())
    noisy, given, lengths = torch.zeros(1, 64, 100), torch.zeros(1, 64, 64), torch.tensor([64])
    with torch.inference_mode():
        replayed(noisy, given, dit.modulate(torch.zeros(1)), lengths)
    positions = weakref.ref(dit.positions(64))
    for frames in range(1_000, 1_100):
        dit.positions(frames)
    assert positions() is not None


def test_few_numbers_of_rows_are_recorded() -> None:
    assert [filled_rows(rows) for rows in range(1, 14)] == [1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 12, 12, 16]


def test_in_8_bits_too_a_row_in_a_batch_equals_the_same_row_alone() -> None:
    prompts = [prompt(1, 70), prompt(2, 100), prompt(3, 128)]
    dit = network()
    speed_up(dit, torch.qint8)
    with running(dit) as batcher:
        alone = [solve(batcher, [one])[0] for one in prompts]
        together = solve_together(batcher, [[one] for one in prompts])
    for mine, (theirs,) in zip(alone, together, strict=True):
        torch.testing.assert_close(theirs, mine, atol=0.02, rtol=0)


def _starve(max_rows: int) -> Callable[[Tensor], None]:
    def fault(noisy: Tensor) -> None:
        if noisy.shape[0] > max_rows:
            raise torch.OutOfMemoryError("CUDA out of memory")

    return fault


def _starve_above(max_frames: int) -> Callable[[Tensor], None]:
    def fault(noisy: Tensor) -> None:
        if noisy.shape[1] > max_frames:
            raise torch.OutOfMemoryError("CUDA out of memory")

    return fault


def _nan(noisy: Tensor) -> Tensor:
    return torch.full_like(noisy, torch.nan)


def test_out_of_memory_makes_smaller_batches_and_nobody_fails() -> None:
    starved = network(_starve(4))
    prompts = [prompt(seed) for seed in range(6)]
    with running(network()) as batcher:
        expected = [solve(batcher, [one])[0] for one in prompts]
    with running(starved) as batcher:
        found = solve_together(batcher, [[one] for one in prompts])
    assert starved.rows[0] == 12
    assert starved.rows[-1] <= 4
    for want, (have,) in zip(expected, found, strict=True):
        torch.testing.assert_close(have, want, atol=1e-5, rtol=0)


def test_out_of_memory_gives_back_what_can_be_made_again() -> None:
    recorder, loaded = Recorder(), [0, 0]
    starved, spare = network(_starve_above(256)), network(seed=1)

    def load(index: int, dit: DiT) -> DiT:
        loaded[index] += 1
        return dit

    rungs = [Rung(CPU, lambda: load(0, starved), recorder), Rung(CPU, lambda: load(1, spare))]
    batcher = StepBatcher(rungs, max_frames=8_192)
    batcher.start()
    for frames in (80, 300, 80, 300):  # the second does not fit, and is spoken on the other rung
        solve(batcher, [prompt(1, frames)])
    batcher.close()
    assert batcher.stats.out_of_memory == 2
    assert recorder.made == 2 + 2  # begun of 320 frames; of 128 made, and made again when memory had ended
    assert loaded == [1, 2]


@pytest.mark.parametrize("fault", [_starve(0), _nan])
def test_a_take_that_fails_alone_starts_over_on_the_next_placement(fault: Callable[[Tensor], Tensor | None]) -> None:
    with running(network()) as batcher:
        (expected,) = solve(batcher, [prompt(1)])
    # Unlike weights, as those of another precision are: nothing that the first one made may go into the second.
    with running(network(fault, seed=1), network()) as batcher:
        (found,) = solve(batcher, [prompt(1)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("fault", "error"), [(_starve(0), errors.OutOfMemory), (_nan, errors.NotFiniteOutput)])
def test_a_take_that_fails_everywhere_fails_its_request(
    fault: Callable[[Tensor], Tensor | None], error: type[errors.TimbreError]
) -> None:
    with running(network(fault), network(fault)) as batcher:
        ticket = batcher.submit([prompt(1)])
        with pytest.raises(error):
            list(ticket.progress())


def test_a_fault_in_a_forward_fails_its_requests_and_not_the_engine() -> None:
    def fault(noisy: Tensor) -> None:
        if noisy.shape[1] > 128:
            raise RuntimeError("a kernel broke")

    with running(network(fault)) as batcher:
        broken = batcher.submit([prompt(1, 200)])
        with pytest.raises(errors.EngineError):
            list(broken.progress())
        assert len(solve(batcher, [prompt(2)])) == 1


def test_closing_fails_what_waits() -> None:
    with running(network()) as batcher:
        ticket = batcher.submit([prompt(1, nfe_step=64)])
    with pytest.raises(errors.EngineError, match="closed"):
        list(ticket.progress())
    with pytest.raises(errors.EngineError, match="closed"):
        batcher.submit([prompt(1)])


def test_an_error_in_a_call_reaches_its_caller() -> None:
    def fail() -> None:
        raise ValueError("mine")

    with running(network()) as batcher, pytest.raises(ValueError, match="mine"):
        batcher.call(fail)


def test_the_device_thread_computes_with_several_threads_and_everybody_else_alone() -> None:
    batcher = StepBatcher([Rung(CPU, network)], max_frames=8_192, threads=3)
    batcher.start()
    try:
        assert batcher.call(torch.get_num_threads) == 3
        assert torch.get_num_threads() == 1
        with ThreadPoolExecutor(1) as newcomer:
            assert newcomer.submit(torch.get_num_threads).result() == 1
    finally:
        batcher.close()


def test_no_device_is_asked_for_more_than_it_is_about_to_do() -> None:
    """Else a request's steps would all be on their way before anybody can cancel it, or join it."""
    asked, done, most = [0], [0], [0]

    def mark(_device: torch.device) -> Callable[[], None]:
        asked[0] += 1
        most[0] = max(most[0], asked[0] - done[0])
        return lambda: done.__setitem__(0, done[0] + 1)

    batcher = StepBatcher([Rung(CPU, network)], max_frames=8_192, mark=mark)
    batcher.start()
    try:
        solve(batcher, [prompt(0, nfe_step=7)])
    finally:
        batcher.close()
    assert (asked[0], most[0]) == (7, 3)
