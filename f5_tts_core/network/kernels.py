"""What a block does between its matrix products on a GPU, in Triton: each tensor is read once and written once.

Each function stands for a plain one in `layers` or `attention`, which says what it computes. Shapes: b rows, n frames,
h heads, d channels. Sums, norms and angles are fp32, whatever the tensors are. No kernel's result for a row depends on
the others. Sizes of blocks are fixed, not tuned at run time: what is measured is what everybody gets.
"""

from typing import Final, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from f5_tts_core.network.layers import NORM_EPS


class Blocks(NamedTuple):
    """How attention is cut up: queries of a program, keys that it looks at at a time, and what Triton makes of it."""

    queries: int = 128
    keys: int = 64
    warps: int = 4
    stages: int = 3


BLOCKS: Final = Blocks()
#: Frames of a program of the convolution.
CONVOLVED: Final = 128
#: Tensor cores multiply no smaller pieces.
LEAST_CHANNELS: Final = 16


def norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """`layers.modulated_norm`: [b, n, d], with `scale` and `shift` [b, d] that may be slices of one tensor."""
    rows, frames, dim = x.shape
    normed = torch.empty_like(x)
    _norm_kernel[rows * frames,](
        x, x, scale, scale, shift, x, normed, frames, scale.stride(0),
        EPS=NORM_EPS, DIM=dim, BLOCK=triton.next_power_of_2(dim), GATED=False,
    )  # fmt: skip
    return normed


def gated_norm(x: Tensor, gate: Tensor, change: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """`x` + `gate` * `change`, and that normed. `x` and `change` [b, n, d], the others as in `norm`."""
    rows, frames, dim = x.shape
    summed, normed = torch.empty_like(x), torch.empty_like(x)
    _norm_kernel[rows * frames,](
        x, change, gate, scale, shift, summed, normed, frames, scale.stride(0),
        EPS=NORM_EPS, DIM=dim, BLOCK=triton.next_power_of_2(dim), GATED=True,
    )  # fmt: skip
    return summed, normed


def rotate(qkv: Tensor, rotary: Tensor, *, heads: int, rotary_heads: int) -> None:
    """`layers.rotate` in place, of the first `rotary_heads` of query and key in `qkv` [b, n, 3 * h * d].

    `rotary` complex64 [n, d / 2].
    """
    rows, frames, width = qkv.shape
    dim_head = width // (3 * heads)
    turned = rotary_heads * dim_head
    _rotate_kernel[rows * frames, 2](
        qkv, torch.view_as_real(rotary), frames,
        WIDTH=width, DIM_HEAD=dim_head, TURNED=turned, BLOCK=triton.next_power_of_2(turned),
    )  # fmt: skip


def attend(qkv: Tensor, lengths: Tensor, *, heads: int, blocks: Blocks = BLOCKS) -> Tensor:
    """`attention.attend` of `qkv` [b, n, 3 * h * d] -> [b, n, h * d]; `lengths` [b] are frames of each row.

    Where no query of a block is within its row, what it writes is zero.
    """
    rows, frames, width = qkv.shape
    joined = qkv.new_empty(rows, frames, width // 3)
    _attend_kernel[triton.cdiv(frames, blocks.queries), rows * heads](
        qkv, joined, lengths, frames,
        HEADS=heads, DIM_HEAD=width // (3 * heads), QUERIES=blocks.queries, KEYS=blocks.keys,
        num_warps=blocks.warps, num_stages=blocks.stages,
    )  # fmt: skip
    return joined


def convolve_mish(x: Tensor, weight: Tensor, bias: Tensor, lengths: Tensor) -> Tensor:
    """One grouped convolution of `layers.ConvPositionEmbedding` and its Mish: [b, n, d] -> [b, n, d].

    `weight` [groups, taps, in, out], `bias` [d]. Frames beyond a row's length act as the zeros past a true end.
    """
    rows, frames, dim = x.shape
    groups, taps, channels, _ = weight.shape
    convolved = torch.empty_like(x)
    _convolve_kernel[triton.cdiv(frames, CONVOLVED), groups, rows](
        x, weight, bias, lengths, convolved, frames,
        DIM=dim, CHANNELS=channels, TAPS=taps, FRAMES=CONVOLVED,
        BLOCK=max(LEAST_CHANNELS, triton.next_power_of_2(channels)), num_warps=4, num_stages=3,
    )  # fmt: skip
    return convolved


# --- on the device ----------------------------------------------------------------------------------


@triton.jit
def _norm_kernel(
    x, change, gate, scale, shift, summed, normed, frames, stride,
    EPS: tl.constexpr, DIM: tl.constexpr, BLOCK: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """A program a frame. `stride` is from one row's gate, scale and shift to the next one's."""
    frame = tl.program_id(0)
    channels = tl.arange(0, BLOCK)
    inside = channels < DIM
    at = frame.to(tl.int64) * DIM + channels
    of_row = frame // frames * stride + channels

    value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    if GATED:
        by = tl.load(gate + of_row, mask=inside, other=0.0).to(tl.float32)
        value += by * tl.load(change + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(summed + at, value.to(summed.dtype.element_ty), mask=inside)

    centered = tl.where(inside, value - tl.sum(value) / DIM, 0.0)
    unit = centered * tl.rsqrt(tl.sum(centered * centered) / DIM + EPS)
    factor = 1.0 + tl.load(scale + of_row, mask=inside, other=0.0).to(tl.float32)
    result = unit * factor + tl.load(shift + of_row, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed + at, result.to(normed.dtype.element_ty), mask=inside)


@triton.jit
def _rotate_kernel(
    qkv, rotary, frames,
    WIDTH: tl.constexpr, DIM_HEAD: tl.constexpr, TURNED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A program a frame's query, and one its key."""
    frame, part = tl.program_id(0), tl.program_id(1)
    channels = tl.arange(0, BLOCK)
    inside = channels < TURNED
    at = qkv + frame.to(tl.int64) * WIDTH + part * (WIDTH // 3) + channels

    pairs = tl.load(at, mask=inside, other=0.0).to(tl.float32)
    real, imaginary = tl.split(tl.reshape(pairs, (BLOCK // 2, 2)))
    angle = rotary + frame % frames * DIM_HEAD + 2 * (tl.arange(0, BLOCK // 2) % (DIM_HEAD // 2))
    cosine, sine = tl.load(angle), tl.load(angle + 1)
    turned = tl.join(real * cosine - imaginary * sine, real * sine + imaginary * cosine)
    tl.store(at, tl.reshape(turned, (BLOCK,)).to(qkv.dtype.element_ty), mask=inside)


@triton.jit
def _attend_kernel(
    qkv, joined, lengths, frames,
    HEADS: tl.constexpr, DIM_HEAD: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    """A program `QUERIES` queries of a row's head, over all of its keys: softmax as they come, once rescaled each."""
    first = tl.program_id(0) * QUERIES
    row, head = tl.program_id(1) // HEADS, tl.program_id(1) % HEADS
    length = tl.load(lengths + row).to(tl.int32)
    length = tl.where(first < length, length, 0)  # of a block that is all padding nothing is computed

    inner: tl.constexpr = HEADS * DIM_HEAD
    queries = first + tl.arange(0, QUERIES)[:, None]
    channels = tl.arange(0, DIM_HEAD)
    start = qkv + row.to(tl.int64) * frames * (3 * inner) + head * DIM_HEAD
    query = tl.load(start + queries * (3 * inner) + channels[None, :], mask=queries < length, other=0.0)

    highest = tl.full((QUERIES,), float("-inf"), tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    mixed = tl.zeros((QUERIES, DIM_HEAD), tl.float32)
    whole = length // KEYS * KEYS
    for key in range(0, whole, KEYS):
        highest, total, mixed = _look_at(
            query, start, key, length, highest, total, mixed, inner, DIM_HEAD, KEYS, PARTLY=False
        )
    if whole < length:
        highest, total, mixed = _look_at(
            query, start, whole, length, highest, total, mixed, inner, DIM_HEAD, KEYS, PARTLY=True
        )

    mixed = mixed / tl.where(total > 0, total, 1.0)[:, None]
    written = joined + (row.to(tl.int64) * frames + queries) * inner + head * DIM_HEAD + channels[None, :]
    tl.store(written, mixed.to(joined.dtype.element_ty), mask=queries < frames)


@triton.jit
def _look_at(
    query, start, key, length, highest, total, mixed,
    INNER: tl.constexpr, DIM_HEAD: tl.constexpr, KEYS: tl.constexpr, PARTLY: tl.constexpr,
):  # fmt: skip
    """What all keys so far give, with those from `key` on. `PARTLY`: some of them are beyond the row's `length`."""
    keys = key + tl.arange(0, KEYS)
    channels = tl.arange(0, DIM_HEAD)
    across = start + INNER + keys[None, :] * (3 * INNER) + channels[:, None]
    down = start + 2 * INNER + keys[:, None] * (3 * INNER) + channels[None, :]
    # To the base 2, which is what GPUs have: log2(e) is in the scale.
    scale: tl.constexpr = 1.4426950408889634 * DIM_HEAD**-0.5
    if PARTLY:
        scores = tl.dot(query, tl.load(across, mask=keys[None, :] < length, other=0.0)) * scale
        scores = tl.where(keys[None, :] < length, scores, float("-inf"))
        value = tl.load(down, mask=keys[:, None] < length, other=0.0)
    else:
        scores = tl.dot(query, tl.load(across)) * scale
        value = tl.load(down)
    higher = tl.maximum(highest, tl.max(scores, 1))
    weights = tl.exp2(scores - higher[:, None])
    fading = tl.exp2(highest - higher)
    total = total * fading + tl.sum(weights, 1)
    mixed = tl.dot(weights.to(value.dtype), value, mixed * fading[:, None])
    return higher, total, mixed


@triton.jit
def _convolve_kernel(
    x, weight, bias, lengths, convolved, frames,
    DIM: tl.constexpr, CHANNELS: tl.constexpr, TAPS: tl.constexpr, FRAMES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A program some frames of a row's group: a small matrix product for each tap."""
    group, row = tl.program_id(1), tl.program_id(2)
    first = tl.program_id(0) * FRAMES
    length = tl.load(lengths + row).to(tl.int32)
    places = first + tl.arange(0, FRAMES)[:, None]
    channels = tl.arange(0, BLOCK)
    inside = channels < CHANNELS
    start = x + row.to(tl.int64) * frames * DIM + group * CHANNELS + channels[None, :]
    square = channels[:, None] * CHANNELS + channels[None, :]
    both = inside[:, None] & inside[None, :]

    summed = tl.zeros((FRAMES, BLOCK), tl.float32)
    for tap in range(0, tl.where(first < length, TAPS, 0)):  # of frames that are all padding nothing is computed
        source = places + (tap - TAPS // 2)
        seen = tl.load(start + source * DIM, mask=(source >= 0) & (source < length) & inside[None, :], other=0.0)
        by = tl.load(weight + (group * TAPS + tap) * CHANNELS * CHANNELS + square, mask=both, other=0.0)
        summed = tl.dot(seen, by, summed)
    summed += tl.load(bias + group * CHANNELS + channels, mask=inside, other=0.0).to(tl.float32)[None, :]

    # Mish, x * tanh(softplus(x)), by one exponential; of what is far above nought it changes nothing.
    grown = tl.exp(tl.minimum(summed, 20.0))
    product = grown * (grown + 2.0)
    activated = summed * (product / (product + 2.0))
    written = convolved + row.to(tl.int64) * frames * DIM + places * DIM + group * CHANNELS + channels[None, :]
    tl.store(written, activated.to(convolved.dtype.element_ty), mask=(places < frames) & inside[None, :])
