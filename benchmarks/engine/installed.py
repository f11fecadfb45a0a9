"""What a worker installs: the files of every package that it needs, as they lie on the disk here."""

from collections import deque
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.engine.parts import Options, PartResult, PartUnavailable
from benchmarks.engine.tables import Table

_ROOT: Final = Path(__file__).parents[2]
_PROJECT: Final = "timbre"
_EXTRA: Final = "worker"
_LARGEST: Final = 8


def measure(_options: Options) -> PartResult:
    try:
        sizes = installed_bytes(_PROJECT, _EXTRA)
    except metadata.PackageNotFoundError as missing:
        raise PartUnavailable(f"The worker is not all installed here: {missing}.") from missing
    return PartResult([_table(sizes)], {"extra": _EXTRA, "bytes": sizes, "total_bytes": sum(sizes.values())})


def installed_bytes(project: str, extra: str) -> dict[str, int]:
    """Bytes of each package that `project[extra]` needs, itself included. Raises `PackageNotFoundError`."""
    sizes: dict[str, int] = {}
    waiting = deque([(project, frozenset({extra}))])
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = needed = waiting.popleft()
        if needed in seen:
            continue
        seen.add(needed)
        distribution = metadata.distribution(name)
        sizes[canonicalize_name(name)] = _bytes(distribution)
        waiting.extend(_needs(distribution, extras))
    return sizes


def _needs(distribution: metadata.Distribution, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    needs = [Requirement(line) for line in distribution.requires or []]
    return [
        (canonicalize_name(need.name), frozenset(need.extras))
        for need in needs
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras | {""})
    ]


def _bytes(distribution: metadata.Distribution) -> int:
    """Of its files; those of an editable install, which has none, of the source's packages."""
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or []]
    if any("__editable__" in file.name for file in files):
        files += [
            file for folder in ("f5_tts_core", "services", "timbre_client") for file in (_ROOT / folder).rglob("*")
        ]
    return sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)


def _table(sizes: dict[str, int]) -> Table:
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    rows = [(name, f"{size / 1e6:.1f} MB") for name, size in ordered[:_LARGEST]]
    rows.append((f"{len(ordered) - _LARGEST} others", f"{sum(size for _, size in ordered[_LARGEST:]) / 1e6:.1f} MB"))
    rows.append(("all", f"{sum(sizes.values()) / 1e6:.0f} MB"))
    return Table("What a worker installs, without compiled Python", ("package", "on disk"), rows)
