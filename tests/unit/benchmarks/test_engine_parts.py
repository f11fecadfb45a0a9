"""What the parts make of what they measured."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from benchmarks.engine.__main__ import _kept
from benchmarks.engine.installed import installed_bytes
from benchmarks.engine.memory import peak_bytes, resident_bytes
from benchmarks.engine.profile import grouped


def test_operations_are_grouped_by_what_they_do() -> None:
    events = [
        ("mkldnn::_linear_pointwise", 4.0),
        ("aten::addmm", 1.0),
        ("aten::bmm", 2.0),
        ("aten::_softmax", 1.0),
        ("aten::native_layer_norm", 0.5),
        ("aten::copy_", 0.25),
    ]
    assert list(grouped(events).items()) == [
        ("linear layers", 5.0),
        ("attention", 3.0),
        ("norms, gates, modulation", 0.5),
        ("copies, rotary positions, the rest", 0.25),
    ]


def test_a_worker_installs_what_its_packages_need_and_nothing_else() -> None:
    sizes = installed_bytes("timbre", "worker")
    assert sizes["torch"] > 100e6
    assert sizes["timbre"] > 15e6  # the bundled model
    assert {"celery", "kombu", "safetensors"} <= sizes.keys()  # what its needs need, too
    assert not {"fastapi", "pytest", "f5-tts"} & sizes.keys()


def test_what_is_not_installed_has_no_size() -> None:
    with pytest.raises(PackageNotFoundError):
        installed_bytes("no-such-package", "worker")


def test_resident_memory_is_of_this_process() -> None:
    assert all(10e6 < found < 50e9 for found in (resident_bytes(), peak_bytes()))


def test_parts_of_an_earlier_report_are_kept_with_their_time(tmp_path: Path) -> None:
    report = {"started_at": "2026-11-25T18:00:00+00:00", "parts": {"drift": {"model": "timbre-tiny"}}}
    path = tmp_path / "engine-cpu.json"
    assert _kept(path) == {}
    path.write_text(json.dumps(report))
    assert _kept(path) == {"drift": {"measured_at": report["started_at"], "model": "timbre-tiny"}}
