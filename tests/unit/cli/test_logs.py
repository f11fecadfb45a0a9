"""One log of whole, named lines that never grows without bound."""

from pathlib import Path

import pytest

from services.cli.logs import MAX_LINE_BYTES, PartLog, RotatingLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "timbre.log"


def test_lines_are_joined_over_reads_and_named(path: Path) -> None:
    log = RotatingLog(path)
    part = PartLog("api", log)
    part.feed(b"first li")
    part.feed(b"ne\nsecond\nrest")
    assert path.read_text() == "api       | first line\napi       | second\n"
    part.flush()
    assert path.read_text().endswith("api       | rest\n")
    log.close()


def test_the_file_rotates_and_keeps_so_many(path: Path) -> None:
    log = RotatingLog(path, max_bytes=20, backups=2)
    for number in range(6):
        log.write(f"line {number:010}".encode())
    log.close()
    assert path.read_text() == "line 0000000005\n"
    assert (path.parent / "timbre.log.1").read_text() == "line 0000000004\n"
    assert (path.parent / "timbre.log.2").read_text() == "line 0000000003\n"
    assert len(list(path.parent.iterdir())) == 3


def test_what_an_earlier_run_wrote_counts(path: Path) -> None:
    path.write_bytes(b"x" * 30)
    log = RotatingLog(path, max_bytes=20)
    log.write(b"new")
    log.close()
    assert path.read_bytes() == b"new\n"


def test_a_line_without_an_end_is_cut(path: Path) -> None:
    log = RotatingLog(path)
    part = PartLog("api", log)
    part.feed(b"x" * (MAX_LINE_BYTES + 1))
    assert len(part.tail) == 1
    log.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_stops_nothing() -> None:
    log = RotatingLog(Path("/dev/full"))
    log.write(b"lost")
    log.close()


def test_broken_utf8_is_shown_not_raised(path: Path) -> None:
    log = RotatingLog(path)
    echoed: list[tuple[str, str]] = []
    PartLog("api", log, lambda name, line: echoed.append((name, line))).feed(b"caf\xe9\n")
    log.close()
    assert echoed == [("api", "caf\ufffd")]
