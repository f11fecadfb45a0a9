"""Imports the packages `f5-tts` and `vocos` with no more than inference needs.

Their imports reach for training tools and for CUDA builds that a lean or CPU-only installation lacks. What is
missing there, and inference never calls, is stood in for.
"""

import importlib
import importlib.util
import sys
import warnings
from types import ModuleType, SimpleNamespace
from typing import Any

from f5_tts_core import errors


def load_upstream() -> SimpleNamespace:
    """Upstream's classes: `DiT`, `CFM`, `MelSpec`, `Vocos` and the parts that Vocos is made of.

    Raises `UnknownEngine` where the packages are not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _import_all()
    except (ImportError, OSError) as error:
        raise errors.UnknownEngine(
            f"The engine 'upstream' needs the packages f5-tts and vocos ({error}). "
            "Install the extra 'reference': pip install 'timbre[reference]'."
        ) from error


def _import_all() -> SimpleNamespace:
    _ensure_torchaudio()
    _ensure_trainer()
    dit = importlib.import_module("f5_tts.model.backbones.dit")
    cfm = importlib.import_module("f5_tts.model.cfm")
    modules = importlib.import_module("f5_tts.model.modules")
    vocos = importlib.import_module("vocos")
    features = importlib.import_module("vocos.feature_extractors")
    return SimpleNamespace(
        DiT=dit.DiT,
        CFM=cfm.CFM,
        MelSpec=modules.MelSpec,
        Vocos=vocos.Vocos,
        MelSpectrogramFeatures=features.MelSpectrogramFeatures,
        VocosBackbone=importlib.import_module("vocos.models").VocosBackbone,
        ISTFTHead=importlib.import_module("vocos.heads").ISTFTHead,
    )


def _ensure_torchaudio() -> None:
    """torchaudio's wheels link CUDA; its transforms, all that is used here, are plain torch without the extension."""
    try:
        importlib.import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio._extension"] = _torchaudio_without_extension()
        importlib.import_module("torchaudio")


def _torchaudio_without_extension() -> ModuleType:
    module: Any = ModuleType("torchaudio._extension")
    module._IS_TORCHAUDIO_EXT_AVAILABLE = False
    module._IS_ALIGN_AVAILABLE = False
    module.fail_if_no_align = lambda function: function
    return module  # type: ignore[no-any-return]


def _ensure_trainer() -> None:
    """`f5_tts.model` imports its trainer, which needs accelerate, wandb and more."""
    if importlib.util.find_spec("accelerate") is None or importlib.util.find_spec("wandb") is None:
        trainer: Any = ModuleType("f5_tts.model.trainer")
        trainer.Trainer = None
        sys.modules.setdefault("f5_tts.model.trainer", trainer)
