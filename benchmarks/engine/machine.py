"""What the figures were measured on, and how fast it multiplies matrices: the limit of any engine."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from time import perf_counter
from typing import Any, Final, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.surroundings import machine
from f5_tts_core.devices import DTYPES
from f5_tts_core.threads import compute_with

T = TypeVar("T")

#: Rows, inner and outer size of products: those of the base network at 15 s with guidance, and square ones.
_SHAPES: Final = ((2816, 1024, 1024), (2816, 1024, 2048), (2816, 2048, 1024), (2048, 2048, 2048), (4096, 4096, 4096))
_CUDA_SHAPES: Final = (*_SHAPES, (8192, 8192, 8192))
_QUICK_SHAPES: Final = ((512, 1024, 1024), (1024, 1024, 1024))
_PACKAGES: Final = ("torch", "safetensors", "numpy", "f5-tts", "vocos", "torchaudio", "x-transformers")
_REPEATS: Final = 5


@dataclass(frozen=True)
class MatrixRate:
    """Floating-point operations a second of one product's best run."""

    precision: str
    shape: tuple[int, int, int]
    rate: float


def measure_rates(device: str, precisions: Sequence[str], *, quick: bool) -> list[MatrixRate]:
    """Each shape in each precision, the best of a few runs of either way that torch multiplies."""
    shapes = _QUICK_SHAPES if quick else _CUDA_SHAPES if device == "cuda" else _SHAPES
    cases = [(precision, shape) for precision in precisions for shape in shapes]
    return aside(lambda: [MatrixRate(*case, _rate(device, *case)) for case in cases])


def aside(function: Callable[[], T]) -> T:
    """`function` on a thread that has all of torch's others, and ends: what it computed with slows nobody later."""
    with ThreadPoolExecutor(1, initializer=compute_with, initargs=(0,)) as thread:
        return thread.submit(function).result()


def best_rates(rates: Sequence[MatrixRate]) -> dict[str, float]:
    """The best of all shapes, by precision."""
    return {one.precision: max(rate.rate for rate in rates if rate.precision == one.precision) for one in rates}


@torch.inference_mode()
def _rate(device: str, precision: str, shape: tuple[int, int, int]) -> float:
    rows, inner, outer = shape
    # Random on purpose: zeros multiply faster than anything that means something.
    left = torch.randn(rows, inner, device=device).to(DTYPES[precision])
    right = torch.randn(outer, inner, device=device).to(DTYPES[precision])
    transposed = right.T.contiguous()
    ways: tuple[Callable[[], Tensor], ...] = (lambda: F.linear(left, right), lambda: left @ transposed)
    seconds = min(second for way in ways for second in _seconds(way, device))
    return 2.0 * rows * inner * outer / seconds


def _seconds(product: Callable[[], Tensor], device: str) -> Iterator[float]:
    """On CUDA ten products a run, so that launching them does not count."""
    each = 10 if device == "cuda" else 1
    product()
    for _ in range(_REPEATS):
        synchronize(device)
        started = perf_counter()
        for _ in range(each):
            product()
        synchronize(device)
        yield (perf_counter() - started) / each


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def describe_machine(device: str) -> dict[str, Any]:
    """Versions, processor, threads: what somebody needs to judge the figures, or to measure them again."""
    return {
        **machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "load_average": os.getloadavg(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def rates_as_data(rates: Sequence[MatrixRate]) -> list[dict[str, Any]]:
    return [asdict(rate) for rate in rates]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
