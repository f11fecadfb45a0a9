"""NVIDIA's driver with two GPUs that do not exist, in the words of `pynvml`. First on a process's path, it is that."""

from types import SimpleNamespace


class NVMLError(Exception):
    """What the driver says of itself."""


def nvmlInit() -> None: ...


def nvmlDeviceGetCount() -> int:
    return 2


def nvmlDeviceGetHandleByIndex(index: int) -> int:
    return index


def nvmlDeviceGetUUID(handle: int) -> str:
    return f"GPU-{handle}a5cb0ff"


def nvmlDeviceGetUtilizationRates(handle: int) -> SimpleNamespace:
    return SimpleNamespace(gpu=40 + handle, memory=5)


def nvmlDeviceGetMemoryInfo(handle: int) -> SimpleNamespace:
    return SimpleNamespace(total=80 << 30, used=(10 + handle) << 30, free=(70 - handle) << 30)
