"""How busy this worker's GPUs are, asked of NVIDIA's driver."""

import os
from collections.abc import Iterator
from typing import Any, Final

import structlog

from services.shared.telemetry import metrics
from services.shared.telemetry.metric import Figure

logger = structlog.get_logger(__name__)

#: Which GPUs a process may use, by number or id; unset: all.
VISIBLE: Final = "CUDA_VISIBLE_DEVICES"


class Gpus:
    """Those that this process may use. `nvml` is the module `pynvml`, or what stands in for it."""

    def __init__(self, nvml: Any, visible: str | None) -> None:
        """Raises `nvml.NVMLError` where there is no driver."""
        self._nvml = nvml
        nvml.nvmlInit()
        self._handles = {index: nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())}
        if visible is not None:
            wanted = [entry.strip() for entry in visible.split(",")]
            self._handles = {index: one for index, one in self._handles.items() if self._is_among(wanted, index, one)}

    def figures(self) -> Iterator[Figure]:
        """Raises `nvml.NVMLError`."""
        for index, handle in self._handles.items():
            labels = {"gpu": str(index)}
            memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
            yield Figure(metrics.GPU_USE, self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100, labels)
            yield Figure(metrics.GPU_MEMORY_USED, memory.used, labels)
            yield Figure(metrics.GPU_MEMORY, memory.total, labels)

    def _is_among(self, wanted: list[str], index: int, handle: Any) -> bool:
        uuid = self._nvml.nvmlDeviceGetUUID(handle)
        return any(entry == str(index) or (entry != "" and uuid.startswith(entry)) for entry in wanted)


def find_gpus() -> Gpus | None:
    """None where there are none of NVIDIA's, or no driver."""
    import pynvml  # noqa: PLC0415 - for those who look at figures

    try:
        return Gpus(pynvml, os.environ.get(VISIBLE))
    except pynvml.NVMLError as error:
        logger.info("no_gpu_figures", reason=str(error))
        return None
