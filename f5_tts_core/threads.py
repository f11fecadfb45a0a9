"""Who computes with how many of torch's threads: the one that owns the device with all of them, everybody else alone.

GNU's OpenMP, which torch computes with on Linux, has a team of threads for each that ever computed something larger.
Once there are more of them than processors, none of them waits for its next piece of work at the ready, all go to
sleep; and a step, which is some hundreds of pieces, takes a tenth longer on a large model, a quarter on a small one.
"""

from functools import lru_cache

import torch


@lru_cache(maxsize=1)
def all_threads() -> int:
    """As many as torch takes by itself, asked before anybody was given less."""
    return torch.get_num_threads()


def compute_with(count: int) -> None:
    """The calling thread has `count` of them, or all where it is 0; and so have those that begin to compute later."""
    usual = all_threads()
    torch.get_num_threads()  # A thread that is asked for the first time takes the last count that any thread was given.
    torch.set_num_threads(count or usual)


def compute_alone() -> None:
    """The calling thread has one, and so have those that begin to compute later."""
    compute_with(1)
