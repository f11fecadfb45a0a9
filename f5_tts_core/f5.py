"""The entry point `f5` of `timbre.engines`. Free of torch: while that is imported, the model is hashed."""

from concurrent.futures import ThreadPoolExecutor

from f5_tts_core.engine import Engine, EngineConfig
from f5_tts_core.fingerprint import fingerprint
from f5_tts_core.manifest import resolve_manifest


def create(config: EngineConfig) -> Engine:
    """An engine that is not loaded yet. What is wrong with its model, loading it says."""
    beside = ThreadPoolExecutor(1, "timbre-fingerprint")
    hashing = beside.submit(lambda: fingerprint(resolve_manifest(config)))
    beside.shutdown(wait=False)
    from f5_tts_core.f5_engine import F5Engine  # noqa: PLC0415 - torch: a second

    return F5Engine(config, hashing)
