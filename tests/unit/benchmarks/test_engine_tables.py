"""How figures are written, and the command line that asks for them."""

import argparse

import pytest

from benchmarks.choices import among
from benchmarks.engine.__main__ import PARTS
from benchmarks.engine.drift import mel_distance
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table, as_text, percent, seconds, spread, times


@pytest.mark.parametrize(
    ("value", "written"), [(123.44, "123.4 s"), (1.234, "1.23 s"), (0.0456, "45.6 ms"), (0.0004567, "0.457 ms")]
)
def test_seconds_keep_three_digits(value: float, written: str) -> None:
    assert seconds(value) == written


def test_one_sample_has_no_extremes() -> None:
    assert spread(Spread.of([2.0])) == "2.00 s"
    assert spread(Spread.of([2.0, 1.0, 4.0])) == "2.00 s (1.00 s to 4.00 s)"
    assert spread(Spread.of([2.0, 4.0]), times) == "3.0× (2.0× to 4.0×)"


def test_shares_and_multiples() -> None:
    assert (percent(0.0315), times(6.04), times(412.3)) == ("3.1 %", "6.0×", "412×")


def test_a_table_without_rich_has_its_columns_aligned() -> None:
    table = Table("Title", ("peer", "seconds"), [("ours", "1"), ("theirs", "10.5")], "A note.")
    assert as_text(table).splitlines() == [
        "Title",
        "peer    seconds",
        "ours          1",
        "theirs     10.5",
        "A note.",
    ]


def test_parts_are_chosen_by_name() -> None:
    parts = among(PARTS)
    assert parts("drift,latency") == ["drift", "latency"]
    assert set(parts(",".join(PARTS))) == set(PARTS)
    with pytest.raises(argparse.ArgumentTypeError, match="unknown: speed; known: latency"):
        parts("speed")


def test_the_distance_of_mels_weighs_every_frame_alike() -> None:
    torch = pytest.importorskip("torch")
    near, far = torch.zeros(30, 100), torch.zeros(10, 100)
    assert mel_distance([near, far], [near, far + 4.0]) == pytest.approx(1.0)
