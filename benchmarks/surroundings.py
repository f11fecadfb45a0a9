"""On what a figure was measured, so that it can be compared with another."""

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from f5_tts_core.threads import all_threads

_PACKAGES: Final = ("torch", "numpy", "soxr", "pocketsphinx", "Resemblyzer", "espeakng-loader")


def machine() -> dict[str, str | int]:
    """Processor, cores, threads that torch uses, and the system; nothing that names the host."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": all_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The packages that shape a figure; those that are not installed are left out."""
    return {name: found for name in _PACKAGES if (found := _version(name))}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
