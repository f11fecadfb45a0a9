"""What tells one model from another: hashes of its files. Free of torch."""

import hashlib
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from f5_tts_core import errors
from f5_tts_core.manifest import Manifest

#: Bytes that are hashed at a time: many, since a thread that comes back from hashing waits until another, which is
#: importing perhaps, lets go of the interpreter.
_PIECE: Final = 64 * 1024 * 1024


def fingerprint(manifest: Manifest) -> str:
    """SHA-256 over all that decides what the model says: its files and its description. Hex.

    Raises `HashMismatch`.
    """
    described = (manifest.architecture, manifest.front_end, manifest.token_seconds)
    parts = [repr(described), checkpoint_hash(manifest), _hash(manifest.vocabulary)]
    parts += [_hash(manifest.vocoder)] if manifest.vocoder else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def checkpoint_hash(manifest: Manifest) -> str:
    """The checkpoint's SHA-256, hex. Raises `HashMismatch` where another is expected."""
    path, expected, found = manifest.checkpoint, manifest.sha256, _hash(manifest.checkpoint)
    if expected is not None and found != expected.lower():
        raise errors.HashMismatch(f"{path} has the SHA-256 {found}, expected {expected}: fetch the file again.")
    return found


def _hash(path: Path) -> str:
    """Of the file where the system holds it: to copy it first takes a fifth longer."""
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        for start in range(0, size, _PIECE):
            with mmap(file.fileno(), min(_PIECE, size - start), access=ACCESS_READ, offset=start) as piece:
                digest.update(piece)
    return digest.hexdigest()
