"""Lengths that networks are run at: few, since oneDNN compiles a kernel, and keeps it, for each."""

from typing import Final

BUCKET_FRAMES: Final = 64


def padded_length(frames: int) -> int:
    """The shortest bucket that holds `frames`."""
    return -(-frames // BUCKET_FRAMES) * BUCKET_FRAMES
