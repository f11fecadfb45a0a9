"""The GPU's kernels one by one, beside torch's for the same, and attention in other sizes of blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from benchmarks.engine.latency import SPEECH_SECONDS
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, PartUnavailable
from benchmarks.engine.tables import Table, seconds, times
from benchmarks.engine.utterances import utterance
from f5_tts_core import checkpoint
from f5_tts_core.devices import DTYPES
from f5_tts_core.network.attention import Extent, attend
from f5_tts_core.network.buckets import padded_length
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import ConvPositionEmbedding, DiTBlock, modulated_norm, rotate
from f5_tts_core.network.replay import cuda_graphs

Run = Callable[[], Tensor]
#: Launches in a recording, so that starting one does not count.
_EACH: Final = 20
_OTHER_BLOCKS: Final = (
    (64, 64, 4, 3),
    (128, 64, 8, 3),
    (128, 64, 4, 2),
    (128, 128, 8, 3),
    (128, 128, 8, 2),
    (128, 32, 4, 4),
)


@dataclass(frozen=True)
class Way:
    """One way to compute what a `piece` of the network does; the first of a piece is torch's."""

    piece: str
    name: str
    run: Run
    #: Bytes it must read and write, or floating-point operations: whichever bounds it.
    bytes: float = 0.0
    flops: float = 0.0

    @property
    def described(self) -> dict[str, Any]:
        return {"piece": self.piece, "way": self.name, "bytes": self.bytes, "flops": self.flops}


def measure(options: Options) -> PartResult:
    if options.device != "cuda":
        raise PartUnavailable("they are for GPUs")
    size = options.size or "base"
    manifest = random_model(options.scratch, size, options.seed)
    dtype = DTYPES[options.precisions[0]]
    state, vocabulary = checkpoint.load_dit_state(manifest, lambda tensor: tensor.to("cuda", dtype))
    network = checkpoint.fill(DiT(manifest.architecture, len(vocabulary)).to("cuda", dtype), state, manifest.checkpoint)
    frames = utterance(size, SPEECH_SECONDS if size != "tiny" else 1.0, 1, options.seed).frames
    with torch.inference_mode():
        ways = ways_of(network, rows=2, frames=frames)
        found = [{**way.described, "seconds": _timed(way.run, options)} for way in ways]
    return PartResult([_table(size, frames, found)], {"size": size, "frames": frames, "ways": found})


def ways_of(network: DiT, *, rows: int, frames: int) -> list[Way]:
    """`network` has plain layers. `frames` of each row are its own, and it is padded as requests are."""
    pieces = _Pieces(network, rows, frames)
    return [
        *pieces.norms(),
        *pieces.positions(),
        *pieces.attention(),
        *pieces.convolutions(),
        *pieces.products(),
        *pieces.blocks(),
    ]


class _Pieces:
    """What both sides are given."""

    def __init__(self, network: DiT, rows: int, frames: int) -> None:
        from f5_tts_core.network import fused, kernels  # noqa: PLC0415 - Triton, which a CPU's torch lacks

        self.kernels, self.fused = kernels, fused
        a, device, padded = network.architecture, network.device, padded_length(frames)
        self.architecture, self.rows, self.frames, self.padded = a, rows, frames, padded
        self.block = cast(DiTBlock, network.transformer_blocks[0])
        self.block.attn.fuse()
        self.conv = cast(ConvPositionEmbedding, network.input_embed.conv_pos_embed)
        self.extent = Extent.of(torch.full((rows,), frames, device=device), rows, padded, device)
        self.rotary = network.positions(padded)
        self.x, self.change = torch.randn(2, rows, padded, a.dim, device=device).to(network.dtype)
        self.modulation = network.modulate(torch.full((rows,), 0.3, device=device)).blocks[:, 0]
        self.qkv = torch.randn(rows, padded, 3 * a.heads * a.dim_head, device=device).to(network.dtype)
        self.query, self.key, self.value = self.qkv.view(rows, padded, 3, a.heads, -1).permute(2, 0, 3, 1, 4)

    def norms(self) -> list[Way]:
        x, change = self.x, self.change
        shift, scale, gate, *_ = self.modulation.chunk(6, dim=-1)

        def torch_gated() -> Tensor:
            return modulated_norm(torch.addcmul(x, gate[:, None], change), scale, shift)

        def ours_gated() -> Tensor:
            _, normed = self.kernels.gated_norm(x, gate, change, scale, shift)
            return cast(Tensor, normed)

        return [
            Way("norm", "torch", lambda: modulated_norm(x, scale, shift), bytes=2 * x.nbytes),
            Way("norm", "ours", lambda: self.kernels.norm(x, scale, shift), bytes=2 * x.nbytes),
            Way("gate and norm", "torch", torch_gated, bytes=4 * x.nbytes),
            Way("gate and norm", "ours", ours_gated, bytes=4 * x.nbytes),
        ]

    def positions(self) -> list[Way]:
        # Turned again and again in place, numbers stay as large as they are; what comes of it nobody reads.
        turned, heads = self.qkv.clone(), self.architecture.heads

        def ours() -> Tensor:
            self.kernels.rotate(turned, self.rotary, heads=heads, rotary_heads=heads)
            return turned

        moved = 2 * (self.query.nbytes + self.key.nbytes)
        torchs = partial(rotate, torch.stack([self.query, self.key]), self.rotary)
        return [Way("positions", "torch", torchs, bytes=moved), Way("positions", "ours", ours, bytes=moved)]

    def attention(self) -> list[Way]:
        a = self.architecture
        flops = 4.0 * self.rows * a.heads * a.dim_head * self.frames**2
        ours = partial(self.kernels.attend, self.qkv, self.extent.lengths, heads=a.heads)
        masked = partial(attend, self.query, self.key, self.value, self.extent)
        others = [self.kernels.Blocks(*sizes) for sizes in _OTHER_BLOCKS]
        return [
            Way("attention", "torch, masked", masked, flops=flops),
            Way("attention", "ours", ours, flops=flops),
            *(Way("attention", f"ours, {tuple(sizes)}", partial(ours, blocks=sizes), flops=flops) for sizes in others),
        ]

    def convolutions(self) -> list[Way]:
        dim = self.architecture.dim
        flops = 2 * 2.0 * self.rows * self.frames * dim * (dim // 16) * 31
        ours = self.fused.FusedConvPositionEmbedding(self.conv)
        return [
            Way("convolutions", "torch", partial(self.conv, self.x, self.extent), flops=flops),
            Way("convolutions", "ours", partial(ours, self.x, self.extent), flops=flops),
        ]

    def products(self) -> list[Way]:
        layer = cast(nn.Sequential, self.block.ff.ff[0])
        project_in = cast(nn.Linear, layer[0])
        flops = 2.0 * self.rows * self.padded * project_in.weight.numel()
        return [
            Way("product and GELU", "torch", partial(layer, self.x), flops=flops),
            Way("product and GELU", "cuBLAS", partial(self.fused.linear_gelu, project_in, self.x), flops=flops),
        ]

    def blocks(self) -> list[Way]:
        given = (self.x, self.modulation, self.rotary, self.extent)
        ours = self.fused.FusedBlock(self.block)
        return [Way("a block", "torch", partial(self.block, *given)), Way("a block", "ours", partial(ours, *given))]


def _timed(run: Run, options: Options) -> float | None:
    """Seconds a run, by replaying a recording of many. None where it does not run here."""
    try:
        _, replay = cuda_graphs()(lambda: [run() for _ in range(_EACH)][-1])
    except Exception as error:  # Triton's have no class in common: blocks too large for this GPU, say
        print(f"{type(error).__name__}: {error}")
        return None
    took = []
    for _ in range(3 if options.quick else 10 * options.rounds):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        began.record()
        replay()
        ended.record()
        ended.synchronize()
        took.append(float(began.elapsed_time(ended)) / 1000 / _EACH)
    return median(took)


def _table(size: str, frames: int, found: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for one in found:
        first = next(other for other in found if other["piece"] == one["piece"])
        took = one["seconds"]
        if took is None:
            rows.append((f"{one['piece']}: {one['way']}", "-", "-", "-"))
            continue
        faster = times(first["seconds"] / took) if first["seconds"] else "-"
        rate = f"{one['flops'] / took / 1e12:.0f} TFLOP/s" if one["flops"] else "-"
        rate = f"{one['bytes'] / took / 1e12:.2f} TB/s" if one["bytes"] else rate
        rows.append((f"{one['piece']}: {one['way']}", seconds(took), faster, rate))
    title = f"Kernels, {size} size, two rows of {frames} frames"
    note = "Blocks of attention: queries, keys, warps, stages. Tensors of this size stay in a large GPU's cache."
    return Table(title, ("what", "time", "vs torch", "rate"), rows, note)
