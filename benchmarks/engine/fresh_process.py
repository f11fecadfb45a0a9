"""Run in a process of its own by the cold start's measurement: do one thing, tell the peak memory, and leave."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine.memory import peak_bytes


def load_engine(folder: Path, device: str, precision: str, threads: int) -> Callable[[], None]:
    """Until the first request could be taken."""
    from f5_tts_core.engine import EngineConfig  # noqa: PLC0415 - importing is what is measured
    from f5_tts_core.f5 import create  # noqa: PLC0415

    engine = create(EngineConfig(ckpt_path=folder, device=device, precision=precision, threads=threads))  # type: ignore[arg-type]
    engine.load()
    return engine.close


def read_weights(folder: Path, device: str, _precision: str, _threads: int) -> Callable[[], None]:
    """The least that anybody must do: import torch, and have every weight in memory."""
    import torch  # noqa: PLC0415
    from safetensors import safe_open  # noqa: PLC0415

    kept = []
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            # Cloned: safetensors only maps the file.
            kept += [file.get_tensor(name).clone().to(device) for name in file.keys()]  # noqa: SIM118 - no mapping
    if device == "cuda":
        torch.cuda.synchronize()
    return kept.clear


def main() -> None:
    what, folder, device, precision, threads = sys.argv[1:]
    work = {"load-engine": load_engine, "read-weights": read_weights}[what]
    try:
        leave = work(Path(folder), device, precision, int(threads))
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    print(json.dumps({"peak_bytes": peak_bytes()}), flush=True)
    leave()


if __name__ == "__main__":
    main()
