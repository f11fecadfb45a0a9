"""The GPU's kernels one by one, beside torch's for the same, and attention in other sizes of blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.engine.latency import SPEECH_SECONDS
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, PartUnavailable
from benchmarks.engine.tables import Table, seconds, times
from benchmarks.engine.utterances import utterance
from f5_tts_core import checkpoint
from f5_tts_core.devices import DTYPES
from f5_tts_core.network import layers
from f5_tts_core.network.attention import Extent, attend
from f5_tts_core.network.buckets import padded_length
from f5_tts_core.network.dit import DiT
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
    from f5_tts_core.network import fused, kernels  # noqa: PLC0415 - Triton, which a CPU's torch lacks

    a, device, dtype, padded = network.architecture, network.device, network.dtype, padded_length(frames)
    block = cast(layers.DiTBlock, network.transformer_blocks[0])
    block.attn.fuse()
    conv = cast(layers.ConvPositionEmbedding, network.input_embed.conv_pos_embed)
    fused_block, fused_conv = fused.FusedBlock(block), fused.FusedConvPositionEmbedding(conv)
    extent = Extent.of(torch.full((rows,), frames, device=device), rows, padded, device)
    rotary = layers.rotary_table(padded, a.dim_head, device)
    x, change = torch.randn(2, rows, padded, a.dim, device=device).to(dtype)
    modulation = network.modulate(torch.full((rows,), 0.3, device=device)).blocks[:, 0]
    shift, scale, gate, *_ = modulation.chunk(6, dim=-1)
    qkv = torch.randn(rows, padded, 3 * a.heads * a.dim_head, device=device).to(dtype)
    # Turned again and again in place, numbers stay as large as they are; what comes of it nobody reads.
    turned = qkv.clone()
    query, key, value = qkv.view(rows, padded, 3, a.heads, -1).permute(2, 0, 3, 1, 4)
    project_in = block.ff.ff[0][0]  # type: ignore[index]

    def ours_turned() -> Tensor:
        kernels.rotate(turned, rotary, heads=a.heads, rotary_heads=a.heads)
        return turned

    def torch_gated() -> Tensor:
        return layers.modulated_norm(torch.addcmul(x, gate[:, None], change), scale, shift)

    frame, attention = x.nbytes, 4.0 * rows * a.heads * a.dim_head * frames**2
    convolved = 2 * 2.0 * rows * frames * a.dim * (a.dim // 16) * 31
    widened = 2.0 * rows * padded * a.dim * a.dim * a.ff_mult
    others = [kernels.Blocks(*sizes) for sizes in _OTHER_BLOCKS]
    return [
        Way("norm", "torch", lambda: layers.modulated_norm(x, scale, shift), bytes=2 * frame),
        Way("norm", "ours", lambda: kernels.norm(x, scale, shift), bytes=2 * frame),
        Way("gate and norm", "torch", torch_gated, bytes=4 * frame),
        Way("gate and norm", "ours", lambda: kernels.gated_norm(x, gate, change, scale, shift)[1], bytes=4 * frame),
        Way("positions", "torch", lambda: layers.rotate(torch.stack([query, key]), rotary), bytes=4 * frame),
        Way("positions", "ours", ours_turned, bytes=4 * frame),
        Way("attention", "torch, masked", lambda: attend(query, key, value, extent), flops=attention),
        Way("attention", "ours", lambda: kernels.attend(qkv, extent.lengths, heads=a.heads), flops=attention),
        *(
            Way(
                "attention",
                f"ours, {tuple(blocks)}",
                _attending(kernels, qkv, extent, a.heads, blocks),
                flops=attention,
            )
            for blocks in others
        ),
        Way("convolutions", "torch", lambda: conv(x, extent), flops=convolved),
        Way("convolutions", "ours", lambda: fused_conv(x, extent), flops=convolved),
        Way("product and GELU", "torch", lambda: F.gelu(project_in(x), approximate="tanh"), flops=widened),
        Way("product and GELU", "cuBLAS", lambda: fused.linear_gelu(project_in, x), flops=widened),
        Way("a block", "torch", lambda: block(x, modulation, rotary, extent)),
        Way("a block", "ours", lambda: fused_block(x, modulation, rotary, extent)),
    ]


def _attending(kernels: Any, qkv: Tensor, extent: Extent, heads: int, blocks: object) -> Run:
    return lambda: cast(Tensor, kernels.attend(qkv, extent.lengths, heads=heads, blocks=blocks))


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
