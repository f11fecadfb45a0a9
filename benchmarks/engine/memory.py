"""This process's resident memory. Not `getrusage`'s, which a process inherits from the one that started it."""

from pathlib import Path


def resident_bytes() -> int:
    """Now."""
    return _status_bytes("VmRSS")


def peak_bytes() -> int:
    """At its highest."""
    return _status_bytes("VmHWM")


def _status_bytes(field: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(f"{field}:")).split()[1]) * 1024
