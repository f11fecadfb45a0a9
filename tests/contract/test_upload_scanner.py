"""What every `UploadScanner` must do."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from services.shared.adapters.clamd import ClamdScanner
from services.shared.errors import ScannerUnavailable, UploadInfected, UploadTooLargeToScan
from services.shared.ports import UploadScanner
from services.shared.servers import LOOPBACK, free_port
from services.shared.testing.scanning import EICAR, MemoryScanner
from tests.clamd_server import FakeClamd, clamd

LIMIT = 2_000_000


@dataclass(frozen=True)
class Harness:
    scanner: UploadScanner
    #: The same port on a server that does not answer.
    down: Callable[[], UploadScanner]


@pytest.fixture
def fake() -> Iterator[FakeClamd]:
    with clamd() as server:
        server.max_bytes = LIMIT
        yield server


def _connect(port: int, seconds: float = 20.0) -> ClamdScanner:
    return ClamdScanner(LOOPBACK, port, seconds=seconds)


def _down() -> MemoryScanner:
    scanner = MemoryScanner()
    scanner.down = True
    return scanner


@pytest.fixture(params=["memory", "clamd"])
def harness(request: pytest.FixtureRequest) -> Harness:
    if request.param == "memory":
        return Harness(MemoryScanner(max_bytes=LIMIT), _down)
    return Harness(_connect(request.getfixturevalue("fake").port), lambda: _connect(free_port()))


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 1_000_000, LIMIT])
def test_a_clean_file_passes(harness: Harness, size: int) -> None:
    file = io.BytesIO(bytes(size))
    harness.scanner.scan(file)
    assert file.tell() == size


@pytest.mark.parametrize("before", [0, 262_100, 1_000_000])
def test_malware_is_found_wherever_it_lies(harness: Harness, before: int) -> None:
    with pytest.raises(UploadInfected) as found:
        harness.scanner.scan(io.BytesIO(bytes(before) + EICAR + bytes(10)))
    assert found.value.signature == "Eicar-Test-Signature"
    assert "Eicar" not in str(found.value)


@pytest.mark.parametrize("size", [LIMIT + 1, 20 * LIMIT])
def test_a_file_that_is_too_large_is_told_so(harness: Harness, size: int) -> None:
    with pytest.raises(UploadTooLargeToScan):
        harness.scanner.scan(io.BytesIO(bytes(size)))


def test_many_are_scanned_at_once(harness: Harness) -> None:
    def is_clean(number: int) -> bool:
        try:
            harness.scanner.scan(io.BytesIO(EICAR if number % 3 == 0 else b"clean"))
        except UploadInfected:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(is_clean, range(24))) == [number % 3 != 0 for number in range(24)]


def test_it_answers(harness: Harness) -> None:
    harness.scanner.ping()


def test_one_that_is_away(harness: Harness) -> None:
    down = harness.down()
    for call in (down.ping, lambda: down.scan(io.BytesIO(b"clean"))):
        with pytest.raises(ScannerUnavailable):
            call()


# --- what clamd's adapter alone has to bear -----------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"stream: OK",  # cut off: no end
        b"stream: Can't allocate memory ERROR\0",
        b"COMMAND READ TIMED OUT\0",
        b"\xff\xfe\0",
        b"stream: OK FOUND OK\0",
        b"x" * 100_000,
    ],
)
def test_whatever_else_it_says_is_no_leave(fake: FakeClamd, answer: bytes) -> None:
    fake.answer = answer
    scanner = _connect(fake.port)
    with capture_logs(), pytest.raises(ScannerUnavailable):
        scanner.scan(io.BytesIO(b"clean"))
    with pytest.raises(ScannerUnavailable):
        scanner.ping()


def test_its_failure_is_logged_in_its_own_words(fake: FakeClamd) -> None:
    fake.answer = b"stream: Can't allocate memory ERROR\0"
    with capture_logs() as logs, pytest.raises(ScannerUnavailable) as unavailable:
        _connect(fake.port).scan(io.BytesIO(b"clean"))
    assert logs[0]["answer"] == "stream: Can't allocate memory ERROR"
    assert "memory" not in str(unavailable.value)


def test_one_that_stays_silent_is_given_up(fake: FakeClamd) -> None:
    fake.go.clear()
    with pytest.raises(ScannerUnavailable):
        _connect(fake.port, seconds=0.1).scan(io.BytesIO(b"clean"))
