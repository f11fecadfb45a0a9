"""The engine benchmark's arithmetic: operations, percentiles, whole requests from a few steps."""

import pytest

from benchmarks.engine.flops import per_frame_parameters, request_flops
from benchmarks.engine.latency import steps_measured, whole_request
from benchmarks.engine.overhead import share_beside
from benchmarks.engine.peers import Spoken
from benchmarks.engine.spread import Spread, percentile
from f5_tts_core import limits
from f5_tts_core.manifest import PRESETS

BASE = PRESETS["F5TTS_v1_Base"].architecture


def test_the_base_network_has_as_many_parameters_a_frame_as_counted_by_hand() -> None:
    assert per_frame_parameters(BASE) == 189_604_964


@pytest.mark.parametrize(("nfe_step", "tera"), [(32, 45.5), (7, 9.96)])
def test_fifteen_seconds_are_that_much_arithmetic(nfe_step: int, tera: float) -> None:
    frames = 15 * limits.FRAMES_PER_SECOND
    assert request_flops(BASE, frames, nfe_step) / 1e12 == pytest.approx(tera, rel=5e-3)
    assert request_flops(BASE, frames, nfe_step, guided=False) == request_flops(BASE, frames, nfe_step) / 2


def test_attention_grows_with_the_square_of_the_frames() -> None:
    products = 4.0 * per_frame_parameters(BASE)
    assert request_flops(BASE, 1000, 1) - products * 1000 == pytest.approx(180_224 * 1000**2)


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [([3.0], 99, 3.0), ([4.0, 1.0], 50, 2.5), ([1.0, 2.0, 3.0], 0, 1.0), ([5.0, 1.0, 3.0], 100, 5.0)],
)
def test_percentiles_lie_between_neighbours(samples: list[float], percent: float, expected: float) -> None:
    assert percentile(samples, percent) == expected


def test_the_99th_of_a_hundred_is_near_the_last() -> None:
    assert percentile([float(value) for value in range(101)], 99) == 99.0


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_what_is_no_percentile_is_refused(samples: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match=r"No samples|no percentage"):
        percentile(samples, percent)


def test_a_spread_is_median_and_extremes() -> None:
    assert Spread.of([3.0, 1.0, 8.0]) == Spread(median=3.0, least=1.0, most=8.0, count=3)


@pytest.mark.parametrize(("limit", "expected"), [(0, 32), (4, 4), (64, 32)])
def test_the_limit_bounds_the_steps_measured(limit: int, expected: int) -> None:
    assert steps_measured(32, limit) == expected


def test_only_the_solver_grows_with_the_steps() -> None:
    spoken = Spoken(samples=None, total_seconds=5.0, solver_seconds=4.0)  # type: ignore[arg-type]
    assert whole_request(spoken, 4, 32) == 1.0 + 32.0
    assert whole_request(spoken, 4, 4) == 5.0


def test_what_neither_stage_took_is_overhead() -> None:
    timings = {"solver": 9.0, "network": 8.0, "vocoder": 0.5, "total": 10.0}
    assert share_beside("network", timings) == pytest.approx(0.15)
    assert share_beside("solver", timings) == pytest.approx(0.05)
