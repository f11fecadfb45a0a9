"""What is measured of the GPU's kernels, run by Triton's interpreter: all ways to do a thing come to the same."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.engine import kernels
from benchmarks.engine.models import architecture_of
from benchmarks.engine.parts import Options, PartUnavailable
from f5_tts_core.network.dit import DiT


def test_all_ways_to_do_a_thing_come_to_the_same() -> None:
    network = DiT(architecture_of("mini"), vocabulary_size=20).eval()
    frames = 20
    with torch.inference_mode():
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
        ways = kernels.ways_of(network, rows=1, frames=frames)
        first = {way.piece: way.run() for way in reversed(ways) if way.name.startswith("torch")}
        for way in ways:
            found = way.run()
            if way.piece != "positions":  # ours turns in place, again with each run
                torch.testing.assert_close(found[:, :frames], first[way.piece][:, :frames], rtol=1e-3, atol=1e-3)
    assert first.keys() == {way.piece for way in ways}
    assert all((way.bytes > 0) or (way.flops > 0) or way.piece == "a block" for way in ways)


def test_a_cpu_has_none(tmp_path: Path) -> None:
    options = Options("cpu", None, steps=0, rounds=1, quick=True, threads=0, seed=0, scratch=tmp_path)
    with pytest.raises(PartUnavailable, match="GPU"):
        kernels.measure(options)
