"""Which device and precision to run on, and what to fall back to when they fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from f5_tts_core import errors
from f5_tts_core.engine import Device, Precision

#: By the names that settings know.
DTYPES: Final[dict[str, torch.dtype]] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "int8": torch.qint8,
}
#: What is said where memory ends by allocators without an error class of their own: the CPU's; CUDA's runtime, for
#: graphs; cuBLAS and cuDNN.
_TOO_LITTLE_MEMORY: Final = ("can't allocate memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
_PREFERENCE = ("cuda", "xpu", "mps", "cpu")


@dataclass(frozen=True)
class Placement:
    """A device and the precision of the weights on it."""

    device: torch.device
    dtype: torch.dtype

    def __str__(self) -> str:
        return f"{self.device} in {precision_name(self.dtype)}"


def precision_name(dtype: torch.dtype) -> str:
    return next(name for name, known in DTYPES.items() if known is dtype)


def available_devices() -> list[str]:
    """Device types that work here, best first."""
    present = {
        "cuda": torch.cuda.is_available(),
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    return [name for name in _PREFERENCE if present[name]]


def choose_device(wanted: Device) -> torch.device:
    """The device asked for, or the best there is. Raises `EngineError` where it is not there."""
    available = available_devices()
    if wanted == "auto":
        return torch.device(available[0])
    if wanted not in available:
        raise errors.EngineError(f"DEVICE is {wanted!r}, but this machine has only {', '.join(available)}.")
    return torch.device(wanted)


def choose_dtype(wanted: Precision, device: torch.device) -> torch.dtype:
    """The precision asked for, or the fastest that the device multiplies natively.

    Raises `EngineError` for int8 elsewhere than on a CPU.
    """
    if wanted == "int8" and device.type != "cpu":
        raise errors.EngineError(f"PRECISION is 'int8', which only CPUs run; the device is {device.type}.")
    if wanted != "auto":
        return DTYPES[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_multiplies_bf16() else torch.float32
    return torch.float16 if device.type == "mps" else torch.bfloat16


def placements(device: torch.device, dtype: torch.dtype, *, allow_cpu: bool) -> Sequence[Placement]:
    """What to try, in order: as chosen, then in full precision, then on the CPU if that is allowed."""
    ladder = [Placement(device, dtype), Placement(device, torch.float32)]
    if allow_cpu:
        ladder.append(Placement(torch.device("cpu"), torch.float32))
    return list(dict.fromkeys(ladder))


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The CPU's `tensor` on `device`. On its way to CUDA through pinned memory, so that nobody waits for it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def mark(device: torch.device) -> Callable[[], object]:
    """What waits until `device` has done all that it was given until now. CPUs have done it when they return."""
    if device.type != "cuda":
        return lambda: None
    # Asleep: to look again and again would take a core.
    event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    event.record()
    return event.synchronize


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the CPU's allocator, ran out of memory: this error says so, or the one that led to it.

    Where memory ends while a CUDA graph is captured, what is raised at last may be that the capture came to nothing.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, RuntimeError) and any(words in str(error) for words in _TOO_LITTLE_MEMORY):
        return True
    before = error.__cause__ or error.__context__
    return before is not None and is_out_of_memory(before)


def _cpu_multiplies_bf16() -> bool:
    """AMX tiles or AVX512-BF16. Without them bf16 products on a CPU are emulated, and slower than fp32."""
    supported: bool = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return supported
