import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from f5_tts_core import errors
from f5_tts_core.architecture import Architecture
from f5_tts_core.checkpoint import load_dit, load_fast_dit, load_vocoder
from f5_tts_core.engine import EngineConfig
from f5_tts_core.fingerprint import fingerprint
from f5_tts_core.manifest import Manifest, resolve_manifest
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import rotary_frequencies
from f5_tts_core.network.packing import speed_up
from f5_tts_core.network.vocos import Vocos, VocosSizes

SMALL = Architecture(dim=32, depth=2, heads=2, dim_head=16, ff_mult=2, text_dim=16, conv_layers=1)
LETTERS = " abcd"
CPU, FP32 = torch.device("cpu"), torch.float32

State = dict[str, Tensor]


@pytest.fixture
def state() -> State:
    torch.manual_seed(0)
    return DiT(SMALL, len(LETTERS)).state_dict()


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(LETTERS) + "\n")
    return Manifest("small", SMALL, "characters", tmp_path / "model.safetensors", vocabulary)


def official(state: State) -> State:
    """As the official files have it: EMA names, the wrapper's counters, old mel buffers and rotary frequencies."""
    named = {f"ema_model.transformer.{key}": tensor.clone() for key, tensor in state.items()}
    named["ema_model.transformer.rotary_embed.inv_freq"] = rotary_frequencies(SMALL.dim_head)
    named["ema_model.mel_spec.mel_stft.spectrogram.window"] = torch.hann_window(1024)
    return {**named, "initted": torch.tensor(True), "step": torch.tensor(12)}


def randomised(state: State) -> State:
    """Fresh ones are zero where it matters."""
    return {key: torch.randn_like(tensor) * 0.1 for key, tensor in state.items()}


def write(path: Path, state: State) -> Path:
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    return path


def assert_loads(manifest: Manifest, state: State) -> None:
    network, vocabulary = load_dit(manifest, CPU, FP32)
    assert "".join(vocabulary) == LETTERS
    assert not network.training
    for key, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, state[key], atol=0, rtol=0)


def test_a_fingerprint_is_the_same_wherever_the_files_lie(manifest: Manifest, state: State, tmp_path: Path) -> None:
    write(manifest.checkpoint, state)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path, elsewhere, ignore=shutil.ignore_patterns("elsewhere"))
    moved = replace(manifest, checkpoint=elsewhere / "model.safetensors", vocabulary=elsewhere / "vocab.txt")
    digest = hashlib.sha256(manifest.checkpoint.read_bytes()).hexdigest()
    assert fingerprint(moved) == fingerprint(manifest) == fingerprint(replace(manifest, sha256=digest))


def test_a_fingerprint_tells_apart_what_speaks_differently(manifest: Manifest, state: State, tmp_path: Path) -> None:
    write(manifest.checkpoint, state)
    vocoder = tmp_path / "vocos.safetensors"
    vocoder.write_bytes(b"a vocoder")
    seen = {fingerprint(manifest), fingerprint(replace(manifest, vocoder=vocoder))}
    vocoder.write_bytes(b"another vocoder")
    seen |= {fingerprint(replace(manifest, vocoder=vocoder)), fingerprint(replace(manifest, front_end="pinyin"))}
    manifest.vocabulary.write_text("\n".join(reversed(LETTERS)) + "\n")
    seen.add(fingerprint(manifest))
    write(manifest.checkpoint, {key: tensor + 1 for key, tensor in state.items()})
    assert len(seen | {fingerprint(manifest)}) == 6


@pytest.mark.parametrize(
    "wrap",
    [
        official,
        lambda state: state,
        lambda state: {f"transformer.{key}": tensor for key, tensor in state.items()},
    ],
    ids=["ema", "bare", "transformer"],
)
def test_safetensors_under_each_naming(manifest: Manifest, state: State, wrap: Callable[[State], State]) -> None:
    write(manifest.checkpoint, wrap(state))
    assert_loads(manifest, state)


def test_a_training_checkpoint_gives_its_moving_average(manifest: Manifest, state: State, tmp_path: Path) -> None:
    raw = {f"transformer.{key}": torch.zeros_like(tensor) for key, tensor in state.items()}
    content = {
        "model_state_dict": raw,
        "ema_model_state_dict": official(state),
        "optimizer_state_dict": {"lr": 0.1},
        "update": 7,
    }
    path = tmp_path / "model.pt"
    torch.save(content, path)
    assert_loads(replace(manifest, checkpoint=path), state)


def test_a_pickle_that_runs_code_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"ema_model_state_dict": Path("anything")}, path)
    with pytest.raises(errors.CheckpointMismatch, match=r"model\.pt cannot be read"):
        load_dit(replace(manifest, checkpoint=path), CPU, FP32)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 100])
def test_a_file_that_is_no_checkpoint(manifest: Manifest, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(errors.CheckpointMismatch, match="cannot be read as a checkpoint"):
        load_dit(replace(manifest, checkpoint=path), CPU, FP32)


def test_a_truncated_checkpoint(manifest: Manifest, state: State) -> None:
    whole = write(manifest.checkpoint, official(state)).read_bytes()
    manifest.checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(errors.CheckpointMismatch, match="cannot be read"):
        load_dit(manifest, CPU, FP32)


def test_a_pickle_of_something_else(manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save([1, 2], path)
    with pytest.raises(errors.CheckpointMismatch, match="holds list"):
        load_dit(replace(manifest, checkpoint=path), CPU, FP32)


def test_no_checkpoint_at_all(manifest: Manifest) -> None:
    with pytest.raises(errors.MissingModelFile, match=r"model\.safetensors"):
        load_dit(manifest, CPU, FP32)


def test_a_vocabulary_of_another_model(manifest: Manifest, state: State) -> None:
    write(manifest.checkpoint, official(state))
    manifest.vocabulary.write_text(" \na\nb\n")
    with pytest.raises(errors.CheckpointMismatch, match=r"has 3 entries.*should have 4 rows; it has 6"):
        load_dit(manifest, CPU, FP32)


def test_missing_and_unexpected_keys_are_listed(manifest: Manifest, state: State) -> None:
    state["proj_off.bias"] = state.pop("proj_out.bias")
    write(manifest.checkpoint, state)
    with pytest.raises(
        errors.CheckpointMismatch, match=r"missing keys: proj_out\.bias; unexpected keys: proj_off\.bias"
    ):
        load_dit(manifest, CPU, FP32)


def test_a_long_list_of_keys_is_cut(manifest: Manifest, state: State) -> None:
    write(manifest.checkpoint, state)
    deeper = replace(manifest, architecture=replace(SMALL, depth=4))
    with pytest.raises(errors.CheckpointMismatch, match=r"missing keys: .* and \d+ more") as caught:
        load_dit(deeper, CPU, FP32)
    assert len(str(caught.value)) < 1_000


def test_a_size_that_differs_is_named(manifest: Manifest, state: State) -> None:
    state["proj_out.bias"] = torch.zeros(80)
    write(manifest.checkpoint, state)
    with pytest.raises(errors.CheckpointMismatch, match=r"proj_out\.bias is \[80\], expected \[100\]"):
        load_dit(manifest, CPU, FP32)


def test_rotary_frequencies_of_another_base(manifest: Manifest, state: State) -> None:
    state["rotary_embed.inv_freq"] = rotary_frequencies(SMALL.dim_head) * 0.9
    write(manifest.checkpoint, state)
    with pytest.raises(errors.CheckpointMismatch, match="rotary"):
        load_dit(manifest, CPU, FP32)


def test_the_hash_is_checked_when_known(manifest: Manifest, state: State) -> None:
    content = write(manifest.checkpoint, official(state)).read_bytes()
    known = replace(manifest, sha256=hashlib.sha256(content).hexdigest())
    assert_loads(known, state)
    manifest.checkpoint.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(errors.HashMismatch, match=f"expected {known.sha256}"):
        load_dit(known, CPU, FP32)


def test_weights_come_in_the_precision_asked_for(manifest: Manifest, state: State) -> None:
    write(manifest.checkpoint, official(state))
    network, _ = load_dit(manifest, CPU, torch.bfloat16)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.qint8])
def test_weights_that_are_rounded_as_they_are_arranged_say_what_rounded_ones_say(
    manifest: Manifest, state: State, dtype: torch.dtype
) -> None:
    write(manifest.checkpoint, official(randomised(state)))
    between = torch.float32 if dtype == torch.qint8 else dtype
    found = load_fast_dit(manifest, CPU, dtype)
    expected, _ = load_dit(manifest, CPU, between)
    speed_up(expected, dtype)
    assert {tensor.dtype for tensor in found.state_dict().values()} - {torch.int8} == {between}
    noisy, time = torch.randn(1, 20, 100), torch.tensor([0.3])
    with torch.inference_mode():
        said = [
            network(noisy, noisy, network.embed_text(torch.arange(4), 20)[None], network.modulate(time), None)
            for network in (found, expected)
        ]
    assert said[0].abs().min() > 0
    torch.testing.assert_close(said[0], said[1], atol=0, rtol=0)


def test_the_bundled_model_loads() -> None:
    manifest = resolve_manifest(EngineConfig())
    network, vocabulary = load_dit(manifest, CPU, FP32)
    assert sum(parameter.numel() for parameter in network.parameters()) == 9_112_164
    assert vocabulary[0] == " "
    assert load_vocoder(manifest, CPU).name == "griffin-lim"


# --- vocoders -------------------------------------------------------------------------------------

SIZES = VocosSizes(n_mels=100, dim=16, inner_dim=32, depth=2, n_fft=1024)


def write_vocos(folder: Path, state: State, padding: str = "center") -> Path:
    extra = {"head.istft.window": torch.hann_window(1024), "feature_extractor.mel_spec.mel_scale.fb": torch.zeros(3)}
    path = folder / "pytorch_model.bin"
    torch.save({**state, **extra}, path)
    (folder / "config.yaml").write_text(f"head:\n  class_path: os.system\n  init_args:\n    padding: {padding}\n")
    return path


def test_vocos_loads_and_its_yaml_is_never_executed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Vocos(SIZES).eval()
    vocoder = load_vocoder(write_vocos(tmp_path, network.state_dict()), CPU)
    mel = torch.randn(9, 100)
    assert vocoder.name == "vocos"
    torch.testing.assert_close(vocoder.decode([mel]), network.decode([mel]), atol=0, rtol=0)


def test_vocos_of_another_padding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.CheckpointMismatch, match="padding same; expected center"):
        load_vocoder(write_vocos(tmp_path, Vocos(SIZES).state_dict(), padding="same"), CPU)


@pytest.mark.parametrize("key", ["backbone.embed.weight", "head.out.weight"])
def test_a_vocoder_that_is_no_vocos(tmp_path: Path, key: str) -> None:
    state = Vocos(SIZES).state_dict()
    del state[key]
    with pytest.raises(errors.CheckpointMismatch, match=f"no Vocos: it lacks '{key}'"):
        load_vocoder(write_vocos(tmp_path, state), CPU)


def test_a_vocos_for_other_mels_is_refused(tmp_path: Path) -> None:
    state = Vocos(SIZES).state_dict()
    state["backbone.embed.weight"] = torch.zeros(16, 80, 7)
    with pytest.raises(errors.CheckpointMismatch, match="reads 80 mel bands"):
        load_vocoder(write_vocos(tmp_path, state), CPU)
