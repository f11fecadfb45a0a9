"""Makes a model folder of two finished runs: fp16 weights under the official names, config, vocabulary, card."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from f5_tts_core.checkpoint import load_dit, load_vocoder
from f5_tts_core.engine import EngineConfig
from f5_tts_core.manifest import CONFIG_NAME, VOCABULARY_NAME, resolve_manifest
from training.card import Trained, model_card
from training.durations import read_token_seconds
from training.errors import TrainingError
from training.loop import load_weights, saved_in
from training.recipe import Recipe

CHECKPOINT_NAME: Final = "model.safetensors"
VOCODER_NAME: Final = "vocoder.safetensors"
#: Both files together; the model lives in the repository.
MAX_BYTES: Final = 32_000_000


def export(recipe: Recipe, build: Path, folder: Path, vocabulary: list[str]) -> None:
    """Writes the model of the runs in `build` into `folder`, and loads it once to see that it is whole.

    Without a run of the vocoder the model has none, and its mels are inverted by Griffin-Lim. Raises `TrainingError`
    for weights that fp16 cannot hold, and for a model that is too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights, position = load_weights(build / "dit", recipe.dit_identity)
    _save({f"ema_model.transformer.{name}": weight for name, weight in weights.items()}, folder / CHECKPOINT_NAME)
    networks = {"dit": Trained(_count(weights), position, build / "dit")}
    if saved_in(build / "vocoder") is not None:
        weights, position = load_weights(build / "vocoder", recipe.vocoder_identity)
        _save(weights, folder / VOCODER_NAME)
        networks["vocoder"] = Trained(_count(weights), position, build / "vocoder")
    (folder / VOCABULARY_NAME).write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (folder / CONFIG_NAME).write_text(json.dumps(_config(recipe, build, folder), indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_card(recipe, build, networks), encoding="utf-8")
    _check(folder)


def install(folder: Path, assets: Path) -> None:
    """Puts an exported model in the place of the bundled one."""
    for name in (CHECKPOINT_NAME, VOCODER_NAME, VOCABULARY_NAME, CONFIG_NAME, "README.md"):
        (assets / name).unlink(missing_ok=True)
        if (folder / name).exists():
            shutil.copyfile(folder / name, assets / name)


def _save(weights: Mapping[str, Tensor], path: Path) -> None:
    halves = {name: weight.half().contiguous() for name, weight in weights.items()}
    lost = [name for name, half in halves.items() if not bool(torch.isfinite(half).all())]
    if lost:
        raise TrainingError(f"fp16 cannot hold {', '.join(sorted(lost)[:5])}.")
    save_file(halves, path)
    path.chmod(0o644)  # save_file keeps it from everybody else


def _config(recipe: Recipe, build: Path, folder: Path) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "description": "A small English model, trained from nothing on synthetic speech. See README.md.",
        "license": "Apache-2.0",
        "front_end": recipe.front_end,
        "languages": ["en"],
        "reference_seconds": recipe.reference_seconds,
        "total_seconds": recipe.total_seconds,
        "checkpoint": CHECKPOINT_NAME,
        "sha256": hashlib.sha256((folder / CHECKPOINT_NAME).read_bytes()).hexdigest(),
        "vocabulary": VOCABULARY_NAME,
        "vocoder": VOCODER_NAME if (folder / VOCODER_NAME).exists() else None,
        "architecture": asdict(recipe.dit.architecture),
        "token_seconds": read_token_seconds(build / "dit"),
    }


def _check(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if size > MAX_BYTES:
        raise TrainingError(f"The model has {size} bytes; {MAX_BYTES} are the most.")
    manifest = resolve_manifest(EngineConfig(ckpt_path=folder))
    load_dit(manifest, torch.device("cpu"), torch.float32)
    load_vocoder(manifest, torch.device("cpu"))


def _count(weights: Mapping[str, Tensor]) -> int:
    return sum(weight.numel() for weight in weights.values())
