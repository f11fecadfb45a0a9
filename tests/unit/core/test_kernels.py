"""The GPU's kernels against the plain layers, by Triton's interpreter; and that they compile for the GPUs we name."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import torch
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network import fused, kernels
from f5_tts_core.network.attention import Extent, attend
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import ConvPositionEmbedding, DiTBlock, modulated_norm, rotary_table, rotate

CPU: Final = torch.device("cpu")
#: A whole block of queries and part of the next, keys that fill their blocks and that do not, and hardly any.
LENGTHS: Final = [192, 130, 128, 1]
FRAMES: Final = 192
#: The same for what takes the interpreter seconds.
FEW: Final = [150, 5]
#: Neither its width nor a head's share of it is a power of two.
ARCHITECTURE: Final = Architecture(dim=96, depth=2, heads=3, dim_head=16, ff_mult=2, text_dim=32, conv_layers=1)
#: cuBLAS applies another GELU than a CPU's: they are this far apart.
GELU: Final = 1e-3


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def extent(lengths: list[int]) -> Extent:
    return Extent.of(torch.tensor(lengths), len(lengths), max(lengths), CPU)


def network(architecture: Architecture = ARCHITECTURE, *, seed: int = 0) -> DiT:
    """Randomised throughout: freshly initialised, gates and output are zero."""
    dit = DiT(architecture, vocabulary_size=20).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in dit.parameters():
        nn.init.normal_(parameter, std=0.08, generator=generator)
    for block in dit.transformer_blocks:
        assert isinstance(block, DiTBlock)
        block.attn.fuse()  # and no more: on a GPU products stay torch's
    return dit


def assert_same_within(lengths: list[int], found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    for row, length in enumerate(lengths):
        torch.testing.assert_close(found[row, :length], expected[row, :length], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dim", [64, 96])
def test_norms_with_and_without_a_gate(dim: int) -> None:
    x, change = torch.randn(2, 3, 5, dim)
    gate, scale, shift, _ = torch.randn(3, 4 * dim).chunk(4, dim=-1)
    torch.testing.assert_close(kernels.norm(x, scale, shift), modulated_norm(x, scale, shift))
    summed, normed = kernels.gated_norm(x, gate, change, scale, shift)
    expected = torch.addcmul(x, gate[:, None], change)
    torch.testing.assert_close(summed, expected)
    torch.testing.assert_close(normed, modulated_norm(expected, scale, shift))


@pytest.mark.parametrize("rotary_heads", [3, 1])
def test_queries_and_keys_are_turned_in_place_and_values_are_not(rotary_heads: int) -> None:
    heads, channels = 3, 16
    before = torch.randn(2, 20, 3 * heads * channels)
    rotary = rotary_table(20, channels, CPU)
    after = before.clone()
    kernels.rotate(after, rotary, heads=heads, rotary_heads=rotary_heads)
    old, new = (qkv.view(2, 20, 3, heads, channels).permute(2, 0, 3, 1, 4) for qkv in (before, after))
    torch.testing.assert_close(new[:2, :, :rotary_heads], rotate(old[:2, :, :rotary_heads], rotary))
    assert torch.equal(new[:2, :, rotary_heads:], old[:2, :, rotary_heads:])
    assert torch.equal(new[2], old[2])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 5e-3)])
def test_a_row_attends_to_its_own_frames(dtype: torch.dtype, tolerance: float) -> None:
    heads, channels = 2, 32
    qkv = (2 * torch.randn(len(LENGTHS), FRAMES, 3 * heads * channels)).to(dtype)
    query, key, value = qkv.float().view(len(LENGTHS), FRAMES, 3, heads, channels).permute(2, 0, 3, 1, 4)
    found = kernels.attend(qkv, torch.tensor(LENGTHS), heads=heads)
    assert found.isfinite().all()
    assert_same_within(LENGTHS, found.float(), attend(query, key, value, extent(LENGTHS)), tolerance)


def test_nothing_beyond_a_row_reaches_it() -> None:
    qkv = torch.randn(1, FRAMES, 96)
    spoilt = qkv.clone()
    spoilt[:, 130:] = torch.nan
    clean, found = (kernels.attend(given, torch.tensor([130]), heads=2) for given in (qkv, spoilt))
    assert torch.equal(found[:, :130], clean[:, :130])
    assert not found[:, 130:].isnan().any()


def test_convolutions_end_where_a_row_does() -> None:
    plain = ConvPositionEmbedding(96)
    x = torch.randn(len(FEW), max(FEW), 96)
    found = fused.FusedConvPositionEmbedding(plain)(x, extent(FEW))
    assert_same_within(FEW, found, plain(x, extent(FEW)))


def test_a_mish_of_large_numbers_is_finite() -> None:
    x = torch.tensor([-200.0, -1.0, 0.0, 30.0, 200.0]).repeat_interleave(16).view(1, 5, 16)
    weight = torch.eye(16).view(1, 1, 16, 16)
    found = kernels.convolve_mish(x, weight, torch.zeros(16), torch.tensor([5]))
    torch.testing.assert_close(found, nn.functional.mish(x))


def test_a_network_says_the_same_by_kernels() -> None:
    plain, fast = network(), network()
    fused.fuse(fast)
    assert {type(block) for block in fast.transformer_blocks} == {fused.FusedBlock}
    assert isinstance(fast.input_embed.conv_pos_embed, fused.FusedConvPositionEmbedding)
    rows, frames = len(FEW), max(FEW)
    noisy, cond = torch.randn(2, rows, frames, 100)
    modulation = plain.modulate(torch.linspace(0, 1, rows))
    given = plain.embed_given(cond, torch.randn(rows, frames, 32))
    expected, found = (dit.velocity(noisy, given, modulation, torch.tensor(FEW)) for dit in (plain, fast))
    assert_same_within(FEW, found, expected, GELU)


class Heedless(nn.Module):
    """What attends to padding."""

    def __init__(self, block: DiTBlock) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor, modulation: Tensor, rotary: Tensor, _extent: Extent) -> Tensor:
        changed: Tensor = self.block(x, modulation, rotary, extent([x.shape[1]] * len(x)))
        return changed


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_kernels_are_tried_before_they_are_trusted(dtype: torch.dtype) -> None:
    dit, other = network().to(dtype), network(seed=1).to(dtype)
    block, conv = dit.transformer_blocks[0], dit.input_embed.conv_pos_embed
    assert isinstance(block, DiTBlock)
    assert isinstance(conv, ConvPositionEmbedding)
    assert fused.agrees(dit, fused.FusedBlock(block), conv)
    assert not fused.agrees(dit, Heedless(block), conv)
    assert not fused.agrees(dit, block, other.input_embed.conv_pos_embed)


def test_where_they_do_not_run_the_plain_layers_stay() -> None:
    absent = network().to("meta")
    fused.fuse(absent)
    assert {type(block) for block in absent.transformer_blocks} == {DiTBlock}


@pytest.mark.parametrize("unlike", [{"qk_norm": "rms_norm"}, {"dim_head": 48}, {"dim_head": 8}])
def test_layers_that_they_do_not_know_stay(unlike: dict[str, object]) -> None:
    dit = network(Architecture(**{**vars(ARCHITECTURE), **unlike}))
    fused.fuse(dit)
    assert {type(block) for block in dit.transformer_blocks} == {DiTBlock}


@pytest.mark.parametrize("capability", [80, 89, 90])
def test_they_compile_for(capability: int, tmp_path: Path) -> None:
    """At the base size, for the A100, the L4 and the H100, none with more shared memory than its blocks can have."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.unit.core.compile_kernels", str(capability)],
        capture_output=True,
        text=True,
        check=False,
        env={"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    shared = dict(line.split() for line in ended.stdout.splitlines())
    assert shared.keys() == {"_norm_kernel", "_rotate_kernel", "_attend_kernel", "_convolve_kernel"}
    assert max(int(size) for size in shared.values()) <= 99 * 1024
