"""Model folders with random weights: a published architecture's speed needs no published checkpoint.

Every layer is random. Freshly initialised ones would be zero where it matters, and zeros multiply faster.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.engine.parts import Size
from f5_tts_core import limits
from f5_tts_core.architecture import Architecture
from f5_tts_core.engine import EngineConfig
from f5_tts_core.manifest import ASSETS, BUNDLED, CONFIG_NAME, PRESETS, VOCABULARY_NAME, Manifest, resolve_manifest
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.vocos import Vocos, VocosSizes

VOCODER_NAME: Final = "vocoder.safetensors"
#: Lines of the official vocabulary; ours are the same number.
_VOCABULARY_LINES: Final = {"base": 2545, "small": 2545, "tiny": 128, "mini": 128}
_PRESETS: Final = {"base": "F5TTS_v1_Base", "small": "F5TTS_v1_Small"}
_OFFICIAL_VOCOS: Final = VocosSizes(limits.N_MELS, 512, 1536, 8, limits.N_FFT)
_SMALL_VOCOS: Final = VocosSizes(limits.N_MELS, 256, 768, 4, limits.N_FFT)
#: Seconds of reference, and of reference and speech together, by size.
REFERENCE_SECONDS: Final = {"base": 5.0, "small": 5.0, "tiny": 2.5, "mini": 2.5}
TOTAL_SECONDS: Final = {"base": 25.0, "small": 25.0, "tiny": 6.0, "mini": 6.0}
#: Less than speech needs: for what does not hang on arithmetic.
_MINI: Final = Architecture(dim=64, depth=2, heads=2, dim_head=32, ff_mult=2, text_dim=32, conv_layers=1)


def architecture_of(size: Size) -> Architecture:
    if size in _PRESETS:
        return PRESETS[_PRESETS[size]].architecture
    if size == "mini":
        return _MINI
    described = json.loads((ASSETS / BUNDLED / CONFIG_NAME).read_text(encoding="utf-8"))
    return Architecture.from_mapping(described["architecture"])


def random_model(scratch: Path, size: Size, seed: int) -> Manifest:
    """A model of this size in `scratch`, written in fp32 as the official ones are; one that is there is taken."""
    folder = scratch / size
    if not folder.is_dir():
        folder.mkdir(parents=True)
        _write(folder, size, torch.Generator().manual_seed(seed))
    return resolve_manifest(EngineConfig(ckpt_path=folder))


def _write(folder: Path, size: Size, generator: torch.Generator) -> None:
    lines = _VOCABULARY_LINES[size]
    architecture = architecture_of(size)
    with torch.device("meta"):
        dit = DiT(architecture, lines)
        vocos = Vocos(_OFFICIAL_VOCOS if size in _PRESETS else _SMALL_VOCOS)
    weights = {f"ema_model.transformer.{name}": tensor for name, tensor in _random_state(dit, generator).items()}
    save_file(weights, folder / "model.safetensors")
    save_file(_random_state(vocos, generator), folder / VOCODER_NAME)
    (folder / VOCABULARY_NAME).write_text("\n".join(_vocabulary(lines)) + "\n", encoding="utf-8")
    described = {
        "name": f"random-{size}",
        "front_end": "characters",
        "vocoder": VOCODER_NAME,
        "reference_seconds": 12.0 if size in _PRESETS else 3.0,
        "total_seconds": TOTAL_SECONDS[size],
        "architecture": asdict(architecture),
    }
    (folder / CONFIG_NAME).write_text(json.dumps(described), encoding="utf-8")


def _random_state(network: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    return {name: _random(name, tensor.shape, generator) for name, tensor in network.state_dict().items()}


def _random(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Weights that keep activations of order one, so that no precision overflows and none is given zeros."""
    noise = torch.randn(shape, generator=generator)
    if name.endswith("weight") and len(shape) > 1:
        return noise / math.sqrt(math.prod(shape[1:]))
    is_scale = name.endswith("gamma") or (name.endswith("weight") and "norm" in name)
    return 1 + 0.1 * noise if is_scale and "grn" not in name else 0.1 * noise


def _vocabulary(lines: int) -> list[str]:
    """Space, what a keyboard writes, then Han characters up to the number of lines."""
    keyboard = [chr(code) for code in range(32, 127)]
    return keyboard + [chr(0x4E00 + index) for index in range(lines - len(keyboard))]
