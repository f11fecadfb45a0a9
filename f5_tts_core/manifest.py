"""What a model is and where its files lie: presets, the bundled model, and `config.json` beside a checkpoint.

Free of torch, and of the network: files are found, never fetched.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from f5_tts_core import errors, limits
from f5_tts_core.architecture import Architecture, refuse_unknown
from f5_tts_core.engine import EngineConfig

FrontEnd = Literal["pinyin", "characters", "lowercase-characters", "phonemes-en"]

CONFIG_NAME: Final = "config.json"
VOCABULARY_NAME: Final = "vocab.txt"
BUNDLED: Final = "timbre-tiny"
ASSETS: Final = Path(__file__).parent / "assets"
CHECKPOINT_SUFFIXES: Final = (".safetensors", ".pt")
VOCODER_NAMES: Final = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Manifest:
    """A model that can be loaded: its architecture, its text front end and its files, all of which exist."""

    name: str
    architecture: Architecture
    front_end: FrontEnd
    checkpoint: Path
    vocabulary: Path
    #: Vocos's weights; None inverts the mel with Griffin-Lim.
    vocoder: Path | None = None
    #: Expected SHA-256 of the checkpoint, lower-case hex; None skips the check.
    sha256: str | None = None
    #: Seconds of reference that the model was trained to follow.
    reference_seconds: float = limits.DEFAULT_REFERENCE_SECONDS
    #: Seconds of reference and speech together that one forward may hold.
    total_seconds: float = limits.DEFAULT_TOTAL_SECONDS
    #: BCP 47 codes of what it speaks; empty where its makers do not say.
    languages: tuple[str, ...] = ()
    #: Usual seconds of each token of the vocabulary, for a model trained on one token a frame; None: it places them.
    token_seconds: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Preset:
    """A published architecture, and where its checkpoint lies in a hub cache (None: never published)."""

    architecture: Architecture
    front_end: FrontEnd = "pinyin"
    checkpoint: str | None = None
    languages: tuple[str, ...] = ("en", "zh")


_V1_BASE: Final = Architecture(dim=1024, depth=22, heads=16, ff_mult=2, text_dim=512, conv_layers=4)
_V0_BASE: Final = Architecture(
    dim=1024, depth=22, heads=16, ff_mult=2, text_dim=512, conv_layers=4, text_mask_padding=False, pe_attn_head=1
)
_V1_SMALL: Final = Architecture(dim=768, depth=18, heads=12, ff_mult=2, text_dim=512, conv_layers=4)
_V0_SMALL: Final = Architecture(
    dim=768, depth=18, heads=12, ff_mult=2, text_dim=512, conv_layers=4, text_mask_padding=False, pe_attn_head=1
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "F5TTS_v1_Base": Preset(_V1_BASE, checkpoint="F5TTS_v1_Base/model_1250000.safetensors"),
        "F5TTS_Base": Preset(_V0_BASE, checkpoint="F5TTS_Base/model_1200000.safetensors"),
        "F5TTS_v1_Small": Preset(_V1_SMALL, front_end="characters", languages=("en",)),
        "F5TTS_Small": Preset(_V0_SMALL),
    }
)
_HUB_REPOSITORY: Final = "SWivid/F5-TTS"
_VOCOS_REPOSITORY: Final = "charactr/vocos-mel-24khz"


def resolve_manifest(config: EngineConfig) -> Manifest:
    """The model that `config` names, with every file found.

    `CKPT_PATH` goes first: a checkpoint, or a folder of one, read as the `config.json` beside it says or, where
    there is none, as the preset `MODEL_NAME`. Without it, `MODEL_NAME` is the bundled model or a preset whose files
    lie in the hub cache. Raises `UnknownModel`, `MissingModelFile`, `ModelError`.
    """
    if config.model_name != BUNDLED and config.model_name not in PRESETS:
        known = ", ".join([BUNDLED, *PRESETS])
        raise errors.UnknownModel(f"No model is called {config.model_name!r}; known: {known}.")
    if config.ckpt_path is not None:
        checkpoint = _find_checkpoint(config.ckpt_path)
        described = checkpoint.parent / CONFIG_NAME
        return _from_config(described, config, checkpoint) if described.is_file() else _from_preset(config, checkpoint)
    if config.model_name == BUNDLED:
        return _from_config(ASSETS / BUNDLED / CONFIG_NAME, config)
    return _from_preset(config, None)


# --- a folder with a config -----------------------------------------------------------------------

_CONFIG_KEYS: Final = frozenset(
    {"name", "architecture", "front_end", "languages", "reference_seconds", "total_seconds", "token_seconds"}
    | {"checkpoint", "vocabulary", "vocoder", "sha256", "description", "license"}
)


def _from_config(path: Path, config: EngineConfig, checkpoint: Path | None = None) -> Manifest:
    """Reads `config.json` at `path`; `checkpoint`, where given, stands in for the one that it names."""
    values = _read_config(path)
    if not isinstance(values.get("architecture"), dict):
        raise errors.ModelError(f"{path} lacks the object 'architecture'.")
    named = path.parent / _plain_name(values, "checkpoint", "model.safetensors")
    checkpoint = checkpoint or named
    # The recorded hash is that of the checkpoint it names, not of another one in the same folder.
    sha256 = _sha256(values) if checkpoint.name == named.name else None
    return Manifest(
        name=str(values.get("name", path.parent.name)),
        architecture=Architecture.from_mapping(values["architecture"]),
        front_end=_front_end(values.get("front_end", "pinyin")),
        checkpoint=_existing(checkpoint, "the checkpoint", "CKPT_PATH"),
        vocabulary=_vocabulary(config, path.parent / _plain_name(values, "vocabulary", VOCABULARY_NAME)),
        vocoder=_config_vocoder(config, path.parent, values),
        sha256=config.ckpt_sha256 or sha256,
        reference_seconds=_seconds(values, "reference_seconds", limits.DEFAULT_REFERENCE_SECONDS),
        total_seconds=_seconds(values, "total_seconds", limits.DEFAULT_TOTAL_SECONDS),
        languages=_languages(values.get("languages", [])),
        token_seconds=_token_seconds(values.get("token_seconds")),
    )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise errors.ModelError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(values, dict):
        raise errors.ModelError(f"{path} holds no JSON object.")
    refuse_unknown(CONFIG_NAME, values, _CONFIG_KEYS)
    return values


def _plain_name(values: Mapping[str, Any], key: str, default: str) -> str:
    """A file's name beside the config; a path would reach out of the folder."""
    name = values.get(key, default)
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise errors.ModelError(f"{key} is {name!r}; expected the name of a file beside {CONFIG_NAME}.")
    return name


def _config_vocoder(config: EngineConfig, folder: Path, values: Mapping[str, Any]) -> Path | None:
    if config.vocoder_path is not None:
        return _find_vocoder(config.vocoder_path)
    if values.get("vocoder") is None:
        return None
    return _existing(folder / _plain_name(values, "vocoder", ""), "the vocoder", "VOCODER_PATH")


def _front_end(value: object) -> FrontEnd:
    for known in get_args(FrontEnd):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise errors.ModelError(f"front_end is {value!r}; expected one of {', '.join(get_args(FrontEnd))}.")


def _sha256(values: Mapping[str, Any]) -> str | None:
    value = values.get("sha256")
    if value is None or (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)):
        return value
    raise errors.ModelError(f"sha256 is {value!r}; expected 64 lower-case hexadecimal digits.")


def _languages(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(language, str) for language in value):
        raise errors.ModelError(f"languages is {value!r}; expected a list of language codes.")
    return tuple(value)


def _seconds(values: Mapping[str, Any], key: str, default: float) -> float:
    value = values.get(key, default)
    if not _is_duration(value):
        raise errors.ModelError(f"{key} is {value!r}; expected a positive number of seconds.")
    return float(value)


def _token_seconds(value: object) -> Mapping[str, float] | None:
    """Seconds by token. That every token of the vocabulary is there, the planner checks: it holds both."""
    if value is None:
        return None
    if not isinstance(value, dict) or not all(_is_duration(seconds) for seconds in value.values()):
        raise errors.ModelError("token_seconds is no object of tokens and the positive seconds that each takes.")
    return MappingProxyType(dict(value))


def _is_duration(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and value > 0


# --- a preset -------------------------------------------------------------------------------------


def _from_preset(config: EngineConfig, checkpoint: Path | None) -> Manifest:
    if config.model_name == BUNDLED:
        raise errors.ModelError(
            f"CKPT_PATH is {checkpoint}, but no {CONFIG_NAME} lies beside it to say what it is, and MODEL_NAME is the "
            f"bundled model. Set MODEL_NAME to the checkpoint's architecture: {', '.join(PRESETS)}."
        )
    preset = PRESETS[config.model_name]
    checkpoint = checkpoint or _cached_checkpoint(config, preset)
    return Manifest(
        name=config.model_name,
        architecture=preset.architecture,
        front_end=preset.front_end,
        checkpoint=checkpoint,
        vocabulary=_vocabulary(config, checkpoint.parent / VOCABULARY_NAME),
        vocoder=_preset_vocoder(config),
        sha256=config.ckpt_sha256,
        # What else a fine-tune speaks, its makers alone know.
        languages=preset.languages if config.ckpt_path is None else (),
    )


def _cached_checkpoint(config: EngineConfig, preset: Preset) -> Path:
    if preset.checkpoint is None:
        raise errors.MissingModelFile(
            f"{config.model_name} is an architecture without a published checkpoint: name yours in CKPT_PATH."
        )
    found = _in_hub_cache(config, _HUB_REPOSITORY, preset.checkpoint)
    if found is None:
        raise errors.MissingModelFile(
            f"{config.model_name} needs {preset.checkpoint} and the {VOCABULARY_NAME} beside it; looked below "
            f"{hub_cache(config) / _cache_folder(_HUB_REPOSITORY)}. Nothing is downloaded: fetch it with "
            f"`huggingface-cli download {_HUB_REPOSITORY} {preset.checkpoint}` (and {VOCABULARY_NAME} from the same "
            "folder), or name the file in CKPT_PATH. F5-TTS's own weights are licensed CC-BY-NC 4.0: "
            "not for commercial use."
        )
    return found


def _preset_vocoder(config: EngineConfig) -> Path:
    if config.vocoder_path is not None:
        return _find_vocoder(config.vocoder_path)
    for name in VOCODER_NAMES:
        found = _in_hub_cache(config, _VOCOS_REPOSITORY, name)
        if found is not None:
            return found
    raise errors.MissingModelFile(
        f"{config.model_name} needs the vocoder {_VOCOS_REPOSITORY} (pytorch_model.bin and config.yaml); looked below "
        f"{hub_cache(config) / _cache_folder(_VOCOS_REPOSITORY)}. Nothing is downloaded: fetch it with "
        f"`huggingface-cli download {_VOCOS_REPOSITORY}`, or name its folder in VOCODER_PATH."
    )


def hub_cache(config: EngineConfig) -> Path:
    """Where Hugging Face's tools keep what they downloaded: `HF_CACHE_DIR`, else below `HF_HOME`."""
    if config.hf_cache_dir is not None:
        return config.hf_cache_dir
    home = os.environ.get("HF_HOME")
    return (Path(home) if home else Path.home() / ".cache" / "huggingface") / "hub"


def _cache_folder(repository: str) -> str:
    return f"models--{repository.replace('/', '--')}"


def _in_hub_cache(config: EngineConfig, repository: str, name: str) -> Path | None:
    """The newest snapshot's file `name`, or None."""
    snapshots = hub_cache(config) / _cache_folder(repository) / "snapshots"
    found = [path for path in snapshots.glob(f"*/{name}") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


# --- files ----------------------------------------------------------------------------------------


def _find_checkpoint(path: Path) -> Path:
    """`path` itself, or the checkpoint in the folder `path`: the one its config names, else the only one."""
    if not path.is_dir():
        return _existing(path, "the checkpoint", "CKPT_PATH")
    config = path / CONFIG_NAME
    if config.is_file():
        named = path / _plain_name(_read_config(config), "checkpoint", "model.safetensors")
        return _existing(named, "the checkpoint", "CKPT_PATH")
    found = sorted(file for file in path.iterdir() if file.suffix in CHECKPOINT_SUFFIXES)
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise errors.MissingModelFile(
            f"CKPT_PATH is the folder {path}: expected one .safetensors or .pt, found {names}."
        )
    return found[0]


def _find_vocoder(path: Path) -> Path:
    if not path.is_dir():
        return _existing(path, "the vocoder", "VOCODER_PATH")
    for name in VOCODER_NAMES:
        if (path / name).is_file():
            return path / name
    raise errors.MissingModelFile(f"VOCODER_PATH is the folder {path}: expected {' or '.join(VOCODER_NAMES)} in it.")


def _vocabulary(config: EngineConfig, beside: Path) -> Path:
    return _existing(config.vocab_path or beside, "the vocabulary", "VOCAB_PATH")


def _existing(path: Path, what: str, setting: str) -> Path:
    if not path.is_file():
        raise errors.MissingModelFile(f"There is no file {path} ({what}); {setting} can name another.")
    return path
