"""The entry point `f5` of `timbre.engines`. Free of torch: while that is imported, the model is hashed."""

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from f5_tts_core.engine import Engine, EngineConfig
from f5_tts_core.fingerprint import fingerprint
from f5_tts_core.manifest import resolve_manifest

_ENGINE: Final = "f5_tts_core.f5_engine"


def create(config: EngineConfig) -> Engine:
    """An engine that is not loaded yet. What is wrong with its model, loading it says."""
    beside = ThreadPoolExecutor(1, "timbre-fingerprint")
    hashing = beside.submit(lambda: fingerprint(resolve_manifest(config)))
    beside.shutdown(wait=False)
    with _kept_for_good():
        from f5_tts_core.f5_engine import F5Engine  # noqa: PLC0415 - torch: a second

    return F5Engine(config, hashing)


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """What is imported in it the garbage collector passes over, then and later.

    With torch come 180,000 objects that stay until the process ends. To look through them again and again takes a
    third of a second of the import, and a tenth at times while somebody speaks.
    """
    if _ENGINE in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
