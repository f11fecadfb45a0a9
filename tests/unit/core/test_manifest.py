import json
import os
from pathlib import Path
from typing import Any

import pytest

from f5_tts_core import errors, limits
from f5_tts_core.architecture import Architecture
from f5_tts_core.engine import EngineConfig
from f5_tts_core.manifest import PRESETS, resolve_manifest

SMALL = {"dim": 64, "depth": 2, "heads": 2, "ff_mult": 2, "text_dim": 32}


def put(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def folder_with_config(folder: Path, **values: Any) -> Path:
    put(folder / "model.safetensors")
    put(folder / "vocab.txt", " \na\n")
    put(folder / "config.json", json.dumps({"architecture": SMALL, **values}))
    return folder


def fill_hub_cache(cache: Path, snapshot: str = "abc") -> Path:
    f5 = cache / "models--SWivid--F5-TTS" / "snapshots" / snapshot
    vocos = cache / "models--charactr--vocos-mel-24khz" / "snapshots" / "def"
    put(f5 / "F5TTS_v1_Base" / "vocab.txt")
    put(vocos / "config.yaml")
    put(vocos / "pytorch_model.bin")
    return put(f5 / "F5TTS_v1_Base" / "model_1250000.safetensors")


def test_the_bundled_model_is_the_default_and_complete() -> None:
    manifest = resolve_manifest(EngineConfig())
    assert manifest.name == "timbre-tiny"
    assert manifest.checkpoint.is_file()
    assert manifest.vocabulary.is_file()
    assert manifest.vocoder is None
    assert (manifest.front_end, manifest.reference_seconds, manifest.total_seconds) == ("phonemes-en", 5, 10)
    assert manifest.token_seconds is not None
    assert manifest.sha256 is not None
    assert len(manifest.sha256) == 64


@pytest.mark.parametrize("name", ["../../etc/passwd", "nope", "", "F5TTS_v1_Base/..", "timbre-tiny/../x"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(errors.UnknownModel, match="timbre-tiny, F5TTS_v1_Base"):
        resolve_manifest(EngineConfig(model_name=name))


def test_a_preset_is_found_in_the_hub_cache(tmp_path: Path) -> None:
    checkpoint = fill_hub_cache(tmp_path)
    manifest = resolve_manifest(EngineConfig(model_name="F5TTS_v1_Base", hf_cache_dir=tmp_path))
    assert manifest.checkpoint == checkpoint
    assert manifest.vocabulary == checkpoint.parent / "vocab.txt"
    assert manifest.vocoder is not None
    assert manifest.vocoder.name == "pytorch_model.bin"
    assert manifest.architecture == PRESETS["F5TTS_v1_Base"].architecture
    assert manifest.total_seconds == limits.DEFAULT_TOTAL_SECONDS


def test_hf_home_says_where_the_hub_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = fill_hub_cache(tmp_path / "hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert resolve_manifest(EngineConfig(model_name="F5TTS_v1_Base")).checkpoint == checkpoint


def test_the_newest_snapshot_wins(tmp_path: Path) -> None:
    old = fill_hub_cache(tmp_path, "zzz-old")
    new = fill_hub_cache(tmp_path, "aaa-new")
    os.utime(old, (1, 1))
    assert resolve_manifest(EngineConfig(model_name="F5TTS_v1_Base", hf_cache_dir=tmp_path)).checkpoint == new


def test_a_preset_that_is_not_there_says_where_it_looked_and_under_which_license(tmp_path: Path) -> None:
    with pytest.raises(errors.MissingModelFile) as caught:
        resolve_manifest(EngineConfig(model_name="F5TTS_v1_Base", hf_cache_dir=tmp_path))
    for part in (str(tmp_path), "model_1250000.safetensors", "huggingface-cli download", "CC-BY-NC"):
        assert part in str(caught.value)


def test_a_missing_vocoder_is_named(tmp_path: Path) -> None:
    checkpoint = fill_hub_cache(tmp_path)
    config = EngineConfig(model_name="F5TTS_v1_Base", ckpt_path=checkpoint, hf_cache_dir=tmp_path / "elsewhere")
    with pytest.raises(errors.MissingModelFile, match="vocos-mel-24khz"):
        resolve_manifest(config)


def test_an_architecture_without_published_weights_asks_for_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(errors.MissingModelFile, match="CKPT_PATH"):
        resolve_manifest(EngineConfig(model_name="F5TTS_Small", hf_cache_dir=tmp_path))


def test_a_fine_tune_takes_the_architecture_of_its_model_name(tmp_path: Path) -> None:
    checkpoint, vocabulary = put(tmp_path / "mine.pt"), put(tmp_path / "other.txt")
    vocoder = put(tmp_path / "vocos" / "pytorch_model.bin")
    manifest = resolve_manifest(
        EngineConfig(
            model_name="F5TTS_Base",
            ckpt_path=checkpoint,
            vocab_path=vocabulary,
            vocoder_path=vocoder.parent,
            ckpt_sha256="0" * 64,
        )
    )
    assert (manifest.checkpoint, manifest.vocabulary, manifest.vocoder) == (checkpoint, vocabulary, vocoder)
    assert manifest.architecture.pe_attn_head == 1
    assert manifest.sha256 == "0" * 64


def test_a_checkpoint_that_nothing_describes_asks_for_a_model_name(tmp_path: Path) -> None:
    with pytest.raises(errors.ModelError, match="MODEL_NAME"):
        resolve_manifest(EngineConfig(ckpt_path=put(tmp_path / "mine.safetensors")))


def test_a_folder_with_a_config_is_read_by_it(tmp_path: Path) -> None:
    folder = folder_with_config(tmp_path / "voice", name="ours", total_seconds=9, sha256="f" * 64, languages=["vi"])
    manifest = resolve_manifest(EngineConfig(ckpt_path=folder))
    assert (manifest.name, manifest.total_seconds, manifest.languages) == ("ours", 9.0, ("vi",))
    assert (manifest.checkpoint, manifest.sha256) == (folder / "model.safetensors", "f" * 64)


def test_the_config_s_hash_is_not_that_of_another_checkpoint_beside_it(tmp_path: Path) -> None:
    folder = folder_with_config(tmp_path, sha256="f" * 64)
    other = put(folder / "newer.safetensors")
    manifest = resolve_manifest(EngineConfig(ckpt_path=other))
    assert (manifest.checkpoint, manifest.sha256) == (other, None)


def test_a_config_names_its_vocoder_and_a_setting_overrides_it(tmp_path: Path) -> None:
    folder = folder_with_config(tmp_path / "voice", vocoder="vocos.safetensors")
    named, other = put(folder / "vocos.safetensors"), put(tmp_path / "other.bin")
    assert resolve_manifest(EngineConfig(ckpt_path=folder)).vocoder == named
    assert resolve_manifest(EngineConfig(ckpt_path=folder, vocoder_path=other)).vocoder == other


@pytest.mark.parametrize("names", [[], ["a.safetensors", "b.pt"]], ids=["none", "two"])
def test_a_folder_without_config_must_hold_one_checkpoint(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        put(tmp_path / name)
    with pytest.raises(errors.MissingModelFile, match="expected one"):
        resolve_manifest(EngineConfig(model_name="F5TTS_Base", ckpt_path=tmp_path))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"checkpoint": "../model.safetensors"}, "checkpoint is"),
        ({"vocabulary": "/etc/passwd"}, "vocabulary is"),
        ({"front_end": "phonemes"}, "front_end is"),
        ({"total_seconds": 0}, "total_seconds is"),
        ({"reference_seconds": float("nan")}, "reference_seconds is"),
        ({"sha256": "abc"}, "sha256 is 'abc'"),
        ({"languages": "en"}, "languages is 'en'"),
        ({"token_seconds": [0.1]}, "token_seconds is"),
        ({"token_seconds": {"a": 0}}, "token_seconds is"),
        ({"token_seconds": {"a": "long"}}, "token_seconds is"),
        ({"temperature": 1}, "Unknown keys in config.json: temperature"),
        ({"architecture": {**SMALL, "moe": 4}}, "Unknown keys in architecture: moe"),
        ({"architecture": {"dim": 64}}, "lacks depth, ff_mult, heads"),
        ({"architecture": {**SMALL, "dim": "64"}}, "architecture.dim is '64'"),
        ({"architecture": {**SMALL, "dim": True}}, "architecture.dim is True"),
        ({"architecture": {**SMALL, "dim": 72}}, "architecture.dim is 72; expected a multiple of 16"),
        ({"architecture": {**SMALL, "dim_head": 33}}, "architecture.dim_head is 33"),
        ({"architecture": {**SMALL, "depth": 0}}, "architecture.depth is 0"),
        ({"architecture": {**SMALL, "text_mask_padding": 1}}, "text_mask_padding is 1"),
        ({"architecture": {**SMALL, "qk_norm": "layer"}}, "qk_norm is 'layer'"),
        ({"architecture": {**SMALL, "mel_dim": 80}}, "mel_dim is 80"),
        ({"architecture": {**SMALL, "average_upsampling": True, "text_mask_padding": False}}, "average_upsampling"),
        ({"architecture": None}, "lacks the object"),
    ],
)
def test_a_config_that_is_wrong_says_where(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ModelError, match=message):
        resolve_manifest(EngineConfig(ckpt_path=folder_with_config(tmp_path, **values)))


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_config_that_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    folder = folder_with_config(tmp_path)
    put(folder / "config.json", content)
    with pytest.raises(errors.ModelError, match=r"config\.json"):
        resolve_manifest(EngineConfig(ckpt_path=folder))


def test_official_names_are_understood_and_training_switches_left_out() -> None:
    found = Architecture.from_mapping(
        {
            **SMALL,
            "text_embedding_average_upsampling": True,
            "attn_backend": "flash_attn",
            "attn_mask_enabled": False,
            "checkpoint_activations": True,
        }
    )
    assert found == Architecture(**SMALL, average_upsampling=True)


@pytest.mark.parametrize("setting", ["ckpt_path", "vocab_path", "vocoder_path"])
def test_a_path_that_names_nothing_is_reported_by_its_setting(tmp_path: Path, setting: str) -> None:
    paths = {"ckpt_path": folder_with_config(tmp_path / "voice"), setting: tmp_path / "nowhere.bin"}
    with pytest.raises(errors.MissingModelFile, match=rf"nowhere\.bin.*{setting.upper()}"):
        resolve_manifest(EngineConfig(**paths))
