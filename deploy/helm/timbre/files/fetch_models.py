"""Fetches the model files that a volume lacks. Python's own library alone: it runs before, and apart from, Timbre.

    python fetch_models.py LIST.json FOLDER

The list holds objects with `path` (under the folder), `url` and, where it is known, `sha256`. Exits with 1 where a
file cannot be had.
"""

import hashlib
import http.client
import json
import shutil
import socket
import sys
import time
import urllib.request
from pathlib import Path

TRIES = 5
PAUSE_SECONDS = 2.0
SILENCE_SECONDS = 60.0


def main(listed: str, folder: str) -> int:
    """The process's exit status."""
    missing = [file for file in json.loads(Path(listed).read_text()) if not fetched(file, Path(folder))]
    for file in missing:
        sys.stderr.write(f"{file['path']}: could not be fetched\n")
    return 1 if missing else 0


def fetched(file: dict[str, str], folder: Path) -> bool:
    """Whether the file is there now, whole and as its hash says."""
    target = folder / file["path"]
    if target.is_file() and right(target, file.get("sha256")):
        sys.stdout.write(f"{file['path']}: is there\n")
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    return any(try_once(file, target, number) for number in range(TRIES))


def try_once(file: dict[str, str], target: Path, number: int) -> bool:
    # Pods that share the volume may fetch at once: each writes a file of its own, and whole files replace each other.
    part = target.with_name(f".{target.name}.{socket.gethostname()}.part")
    try:
        # The chart's schema lets http and https pass, and nothing else.
        with urllib.request.urlopen(file["url"], timeout=SILENCE_SECONDS) as answer, part.open("wb") as out:  # noqa: S310
            shutil.copyfileobj(answer, out, 1 << 20)
            length = answer.headers.get("Content-Length")
        if length is not None and part.stat().st_size != int(length):
            raise OSError("the answer ended early")
        if not right(part, file.get("sha256")):
            raise OSError("another SHA-256 than expected")
        part.replace(target)
    except (OSError, http.client.HTTPException) as error:
        part.unlink(missing_ok=True)
        sys.stderr.write(f"{file['path']}: {error}\n")
        time.sleep(PAUSE_SECONDS * number)
        return False
    sys.stdout.write(f"{file['path']}: fetched, {target.stat().st_size} bytes\n")
    return True


def right(path: Path, sha256: str | None) -> bool:
    """Without a hash to compare, a whole file is the right one."""
    if not sha256:
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
