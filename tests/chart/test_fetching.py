"""The chart's script that fetches model files, run as the init container runs it."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.chart.rendering import CHART

WEIGHTS = b"weights" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/cut":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"fff\r\nweig")
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has `weights.bin`, and breaks off in the midst of `cut`."""
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(WEIGHTS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def fetch(tmp_path: Path, *files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps(files))
    # The pauses between tries are for networks; here they would only take time.
    script = (CHART / "files/fetch_models.py").read_text().replace("PAUSE_SECONDS = 2.0", "PAUSE_SECONDS = 0.0")
    command = [sys.executable, "-c", script, str(listed), str(tmp_path / "models")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_missing_is_fetched_once(tmp_path: Path, hub: str) -> None:
    file = {"path": "f5/weights.bin", "url": f"{hub}/weights.bin", "sha256": SHA256}
    first = fetch(tmp_path, file)
    assert (first.returncode, "fetched" in first.stdout) == (0, True)
    assert (tmp_path / "models/f5/weights.bin").read_bytes() == WEIGHTS
    again = fetch(tmp_path, {**file, "url": "http://127.0.0.1:1/gone"})
    assert (again.returncode, "is there" in again.stdout) == (0, True)


def test_a_file_whose_hash_is_wrong_is_fetched_again(tmp_path: Path, hub: str) -> None:
    target = tmp_path / "models/weights.bin"
    target.parent.mkdir()
    target.write_bytes(b"half of it")
    assert fetch(tmp_path, {"path": "weights.bin", "url": f"{hub}/weights.bin", "sha256": SHA256}).returncode == 0
    assert target.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("name", "sha256", "said"),
    [("gone", SHA256, "404"), ("weights.bin", "0" * 64, "SHA-256"), ("cut", SHA256, "IncompleteRead")],
)
def test_what_cannot_be_had_stops_the_pod_and_leaves_nothing(
    tmp_path: Path, hub: str, name: str, sha256: str, said: str
) -> None:
    result = fetch(tmp_path, {"path": "weights.bin", "url": f"{hub}/{name}", "sha256": sha256})
    assert result.returncode == 1
    assert said in result.stderr
    assert list((tmp_path / "models").iterdir()) == []
