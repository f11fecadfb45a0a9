"""How the C library keeps memory. Left alone it goes by what was freed last, which suits neither short clips nor long.

A short one's memory goes back to the system, and is asked for again with the next one; much of a long one's stays.
"""

import ctypes
from contextlib import suppress
from typing import Final

#: glibc's names for them, in malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
#: Blocks of this size and more are the system's own, and go back to it when they are freed.
LARGE_BYTES: Final = 1024 * 1024
#: What is kept for the next request of what smaller blocks took, at each of the few places that memory comes from.
KEPT_BYTES: Final = 4 * 1024 * 1024


def settle_allocator() -> None:
    """For the whole process. Does nothing where the C library is not glibc."""
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
