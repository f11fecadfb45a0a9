"""What the network promises beyond parity: rows that do not influence each other, and half precision that holds."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.packing import speed_up
from f5_tts_core.sampling import EPSS, sample, time_grid

V1 = Architecture(dim=64, depth=3, heads=2, dim_head=32, ff_mult=2, text_dim=32, conv_layers=2)
VARIANTS = {
    "v1": V1,
    "v0": replace(V1, text_mask_padding=False, pe_attn_head=1),
    "upsampled": replace(V1, average_upsampling=True, qk_norm="rms_norm", long_skip_connection=True),
}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.inference_mode():
        yield
    torch.set_num_threads(threads)


@pytest.fixture(params=VARIANTS)
def network(request: pytest.FixtureRequest) -> DiT:
    return make(VARIANTS[request.param])


def make(architecture: Architecture) -> DiT:
    network = DiT(architecture, 30).eval()
    for parameter in network.parameters():
        parameter.normal_(std=0.15)
    return network


def row(network: DiT, frames: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    text = network.embed_text(torch.randint(0, 30, (frames // 3,)), frames)
    return torch.randn(frames, 100), torch.randn(frames, 100), text, torch.rand(1)


def test_a_row_does_not_depend_on_who_shares_its_batch(network: DiT) -> None:
    lengths = [90, 31, 64]
    rows = [row(network, frames) for frames in lengths]
    noisy, cond, text = (nn.utils.rnn.pad_sequence([one[part] for one in rows], batch_first=True) for part in range(3))
    # What stands in the padding must not matter either.
    for padded in (noisy, cond, text):
        padded[1, 31:] = 5.0
    modulation = network.modulate(torch.cat([time for *_, time in rows]))
    together = network(noisy, cond, text, modulation, torch.tensor(lengths))
    for index, (one_noisy, one_cond, one_text, time) in enumerate(rows):
        alone = network(one_noisy[None], one_cond[None], one_text[None], network.modulate(time), None)
        # 1e-5 of the output's size: kernels sum in an order that hangs on the shape, and on the processor.
        size = float(alone.abs().max())
        torch.testing.assert_close(together[index, : lengths[index]], alone[0], atol=1e-5 * size, rtol=0)


def test_text_fills_frames_it_is_longer_than() -> None:
    network = make(V1)
    tokens = torch.randint(0, 30, (50,))
    torch.testing.assert_close(network.embed_text(tokens, 20), network.embed_text(tokens[:20], 20))


def test_no_text_at_all_is_embedded() -> None:
    for architecture in VARIANTS.values():
        embedded = make(architecture).embed_text(torch.zeros(0, dtype=torch.int64), 12)
        assert embedded.shape == (12, 32)
        assert embedded.isfinite().all()


def test_a_dropped_text_keeps_its_length_where_padding_is_masked() -> None:
    network = make(V1)
    short, long = (network.embed_text(torch.randint(0, 30, (count,)), 20, drop=True) for count in (4, 9))
    assert not short[4:].any()
    assert long[4:9].any()


def test_a_dropped_text_is_the_same_whatever_its_length_where_padding_is_not_masked() -> None:
    network = make(VARIANTS["v0"])
    short, long = (network.embed_text(torch.randint(0, 30, (count,)), 20, drop=True) for count in (4, 20))
    torch.testing.assert_close(short, long)


def test_average_upsampling_spreads_the_text_to_the_last_frame() -> None:
    network = make(replace(V1, average_upsampling=True, conv_layers=0))
    embedded = network.embed_text(torch.tensor([3, 4, 5]), 8)
    letters = network.text_embed.text_embed.weight[[4, 5, 6]]
    torch.testing.assert_close(embedded, letters[[0, 0, 1, 1, 1, 2, 2, 2]])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close(network: DiT, dtype: torch.dtype) -> None:
    noisy, cond, _, time = row(network, 40)
    tokens = torch.randint(0, 30, (13,))
    fine = network(noisy[None], cond[None], network.embed_text(tokens, 40)[None], network.modulate(time), None)
    network.to(dtype)
    coarse = network(noisy[None], cond[None], network.embed_text(tokens, 40)[None], network.modulate(time), None)
    assert coarse.dtype == torch.float32
    assert (coarse - fine).abs().mean() < 0.05 * fine.abs().mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_weights_arranged_for_speed_say_the_same(network: DiT, dtype: torch.dtype) -> None:
    noisy, cond, text, time = row(network, 40)
    inputs = noisy[None], cond[None], text[None], network.modulate(time), torch.tensor([37])
    expected = network(*inputs)[0, :37]
    network.to(dtype)
    speed_up(network, dtype)
    within = {torch.float32: 2e-6, torch.bfloat16: 0.05, torch.float16: 0.01}[dtype]
    inputs = (*inputs[:3], network.modulate(time), inputs[-1])
    assert (network(*inputs)[0, :37] - expected).abs().mean() < within * expected.abs().mean()


def test_weights_in_8_bits_say_nearly_the_same(network: DiT) -> None:
    noisy, cond, text, time = row(network, 40)
    inputs = noisy[None], cond[None], text[None], network.modulate(time), None
    expected = network(*inputs)
    speed_up(network, torch.qint8)
    difference = (network(*inputs) - expected).abs().mean() / expected.abs().mean()
    assert 1e-4 < difference < 0.05  # not the same: they are in 8 bits


def test_nearby_times_stay_apart_in_bf16() -> None:
    """1000 * t in bf16 would take 0.9990 and 0.9995 for one time."""
    network = make(V1).to(torch.bfloat16)
    first, second = network.modulate(torch.tensor([0.9990, 0.9995])).blocks
    assert not torch.equal(first, second)


# --- the solver -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sway", [-1.0, -0.5, 0.0, None])
@pytest.mark.parametrize("steps", [1, 4, 5, 6, 7, 10, 12, 16, 32, 64])
def test_the_grid_rises_from_0_to_1(steps: int, sway: float | None) -> None:
    grid = time_grid(steps, sway)
    assert grid.shape == (steps + 1,)
    assert grid.dtype == torch.float32
    assert (grid.diff() > 0).all()
    torch.testing.assert_close(grid[[0, -1]], torch.tensor([0.0, 1.0]), atol=1e-6, rtol=0)


def test_epss_tables_are_part_of_a_grid_of_32() -> None:
    for steps, table in EPSS.items():
        assert len(table) == steps + 1
        assert set(table) <= set(range(33))


class CountingDiT(DiT):
    def __init__(self) -> None:
        super().__init__(V1, 30)
        self.rows: list[int] = []

    def velocity(self, noisy: Tensor, *rest: Any) -> Tensor:
        self.rows.append(len(noisy))
        return super().velocity(noisy, *rest)


@pytest.mark.parametrize(("cfg_strength", "rows"), [(2.0, 2), (0.0, 1)])
def test_guidance_of_zero_makes_no_unconditional_forward(cfg_strength: float, rows: int) -> None:
    network = CountingDiT().eval()
    cond, tokens = torch.randn(10, 100), torch.randint(0, 30, (6,))
    mel = sample(network, cond, tokens, 25, torch.randn(25, 100), steps=4, cfg_strength=cfg_strength, sway=-1.0)
    assert network.rows == [rows] * 4
    torch.testing.assert_close(mel[:10], cond)
