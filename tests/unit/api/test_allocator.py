"""What the C library asks the system for while clips are checked one after another."""

import platform
import subprocess
import sys

import pytest

#: Memory as a clip takes it, again and again in one thread; prints how many pages had to be asked for, once warm.
PROBE = """
import resource, sys, threading
from services.api.allocator import settle_allocator

def check():
    for _ in range(20):
        [bytearray(700_000) for _ in range(3)]

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    check()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "settled":
    settle_allocator()
thread = threading.Thread(target=lambda: (check(), print(faults())))
thread.start()
thread.join()
"""


def pages(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROBE, how], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="It is glibc that is settled.")
def test_memory_of_one_clip_is_there_for_the_next() -> None:
    assert pages("settled") * 10 < pages("left alone")
