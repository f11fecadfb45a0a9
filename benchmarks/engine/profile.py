"""Where the time of one step goes, by operation, and at what share of the machine's matrix products it computes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.engine.flops import attention_flops, product_flops
from benchmarks.engine.latency import SPEECH_SECONDS
from benchmarks.engine.machine import aside, best_rates, measure_rates, synchronize
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, Size
from benchmarks.engine.tables import Table, percent, seconds
from benchmarks.engine.utterances import utterance
from f5_tts_core.checkpoint import load_fast_dit
from f5_tts_core.devices import DTYPES
from f5_tts_core.network.buckets import padded_length
from f5_tts_core.network.dit import DiT

#: What torch calls its operations, and GPUs' kernels are called, by what they do; the rest is counted together.
_KINDS: Final = {
    "attention": ("bmm", "_softmax", "scaled_dot_product", "efficient_attention", "flash", "fmha", "_attend_kernel"),
    "linear layers": ("_linear_pointwise", "addmm", "aten::mm", "gemm", "nvjet"),
    "position convolution": ("convol", "mish"),
    "norms, gates, modulation": ("layer_norm", "addcmul", "rms_norm", "_norm_kernel"),
}
_REST: Final = "copies, rotary positions, the rest"
#: Seconds, and (where it is known) floating-point operations.
Group = tuple[str, float, float | None]


def measure(options: Options) -> PartResult:
    size: Size = options.size or "base"
    manifest = random_model(options.scratch, size, options.seed)
    precision = options.precisions[0]
    network = load_fast_dit(manifest, torch.device(options.device), DTYPES[precision])
    frames = utterance(size, 1.0 if size == "tiny" else SPEECH_SECONDS, 1, options.seed).frames
    events = aside(lambda: _profiled_step(network, frames, repeats=1 if options.quick else options.rounds))
    flops = {
        "linear layers": product_flops(manifest.architecture, frames),
        "attention": attention_flops(manifest.architecture, frames),
    }
    groups: list[Group] = [(kind, taken, flops.get(kind)) for kind, taken in grouped(events).items()]
    rate = best_rates(measure_rates(options.device, [precision], quick=options.quick))[precision]
    data: dict[str, Any] = {"size": size, "precision": precision, "frames": frames, "matrix_rate": rate}
    data["groups"] = [{"kind": kind, "seconds": taken, "flops": work} for kind, taken, work in groups]
    return PartResult([_table(size, precision, frames, groups, rate)], data)


def grouped(events: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Seconds by kind of operation, the longest first."""
    totals: dict[str, float] = defaultdict(float)
    for name, taken in events:
        kind = next((kind for kind, parts in _KINDS.items() if any(part in name for part in parts)), _REST)
        totals[kind] += taken
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


@torch.inference_mode()
def _profiled_step(network: DiT, frames: int, repeats: int) -> list[tuple[str, float]]:
    """Operations of one guided step, with the seconds that each takes by itself: of the fastest of `repeats`."""
    step = _step(network, frames)
    step()
    runs = []
    is_cuda = network.device.type == "cuda"
    for _ in range(repeats):
        synchronize(network.device.type)
        with profile(activities=[ProfilerActivity.CUDA if is_cuda else ProfilerActivity.CPU]) as profiled:
            step()
            synchronize(network.device.type)
        taken = "self_device_time_total" if is_cuda else "self_cpu_time_total"
        runs.append([(event.key, getattr(event, taken) / 1e6) for event in profiled.key_averages()])
    return min(runs, key=lambda run: sum(taken for _, taken in run))


def _step(network: DiT, frames: int) -> Callable[[], Tensor]:
    padded, device, architecture = padded_length(frames), network.device, network.architecture
    noisy, cond = torch.randn(2, 2, padded, architecture.mel_dim, device=device)
    given = network.embed_given(cond, torch.randn(2, padded, architecture.text_dim, device=device))
    modulation = network.modulate(torch.tensor([0.3, 0.3], device=device))
    lengths = torch.tensor([frames, frames], device=device)

    def step() -> Tensor:
        return network.velocity(noisy, given, modulation, lengths)

    return step


def _table(size: Size, precision: str, frames: int, groups: Sequence[Group], rate: float) -> Table:
    whole = sum(taken for _, taken, _ in groups)
    rows = []
    for kind, taken, work in groups:
        achieved = ("-", "-") if work is None else (f"{work / taken / 1e9:.0f}", percent(work / taken / rate))
        rows.append((kind, seconds(taken), percent(taken / whole), *achieved))
    work = sum(work for *_, work in groups if work)
    rows.append(("a step", seconds(whole), percent(1), f"{work / whole / 1e9:.0f}", percent(work / whole / rate)))
    title = f"One guided step, {size} size in {precision}, {frames} frames"
    note = f"Matrix products by themselves: {rate / 1e9:.0f} GFLOP/s at best."
    return Table(title, ("operations", "time", "of the step", "GFLOP/s", "of the matrix rate"), rows, note)
