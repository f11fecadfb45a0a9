"""Noticing edits."""

import os
from pathlib import Path

from services.cli.reload import SourceWatch


def test_edits_additions_and_removals_are_noticed_once(tmp_path: Path) -> None:
    source = tmp_path / "package" / "module.py"
    source.parent.mkdir()
    source.write_text("a = 1")
    watch = SourceWatch([tmp_path])
    assert not watch.changed()
    os.utime(source, ns=(1, 1))
    assert watch.changed()
    assert not watch.changed()
    (tmp_path / "new.py").touch()
    assert watch.changed()
    (tmp_path / "new.py").unlink()
    assert watch.changed()


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    watch = SourceWatch([tmp_path])
    (tmp_path / "notes.txt").touch()
    assert not watch.changed()
