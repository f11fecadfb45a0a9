"""Reads checkpoints: official ones unchanged, each held against its architecture, vocabulary and hash.

Model folders are trusted input in what their weights do, but never in what they run: safetensors, or pickles read
with `weights_only`.
"""

import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from f5_tts_core import errors
from f5_tts_core.fingerprint import checkpoint_hash
from f5_tts_core.manifest import Manifest
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.griffin_lim import GriffinLim
from f5_tts_core.network.layers import rotary_frequencies
from f5_tts_core.network.packing import speed_up
from f5_tts_core.network.vocoder import Vocoder
from f5_tts_core.network.vocos import Vocos, VocosSizes
from f5_tts_core.text.vocabulary import load_vocabulary

_TEXT_EMBEDDING: Final = "text_embed.text_embed.weight"
_ROTARY: Final = "rotary_embed.inv_freq"
#: Names that the EMA wrapper adds to the network's.
_EMA_COUNTERS: Final = frozenset({"initted", "step", "update"})
#: How training checkpoints nest their networks, the one to speak with first.
_NESTINGS: Final = ("ema_model_state_dict", "model_state_dict")
#: A list of names longer than this is cut in an error.
_SHOWN: Final = 8

Network = TypeVar("Network", bound=nn.Module)
Convert = Callable[[Tensor], Tensor]


def load_dit(manifest: Manifest, device: torch.device, dtype: torch.dtype) -> tuple[DiT, list[str]]:
    """The network in eval mode on `device` in `dtype`, and the lines of its vocabulary.

    Raises `MissingModelFile`, `HashMismatch`, `CheckpointMismatch`.
    """
    return _load_dit(manifest, lambda tensor: tensor.to(device, dtype))


def load_fast_dit(manifest: Manifest, device: torch.device, dtype: torch.dtype) -> DiT:
    """The network as the engine runs it, its weights arranged for speed. Raises what `load_dit` raises.

    Of `torch.qint8` are the blocks' linear layers alone; the rest, and what is between them, is fp32.
    """
    # A CPU's stay where the file is mapped, until they are arranged: rounded before, they would be held twice.
    network, _ = _load_dit(manifest, _itself if device.type == "cpu" else lambda tensor: tensor.to(device, dtype))
    speed_up(network, dtype)
    return network


def _load_dit(manifest: Manifest, convert: Convert) -> tuple[DiT, list[str]]:
    state, vocabulary = load_dit_state(manifest, convert)
    with _unfilled():
        network = DiT(manifest.architecture, len(vocabulary))
    return fill(network, state, manifest.checkpoint), vocabulary


def load_vocoder(source: Manifest | Path, device: torch.device) -> Vocoder:
    """The vocoder of a model, or the Vocos in a file, in fp32; Griffin-Lim for a model that has none.

    Raises `MissingModelFile`, `CheckpointMismatch`.
    """
    path = source.vocoder if isinstance(source, Manifest) else source
    if path is None:
        return GriffinLim(device)
    state = read_vocos_state(path, device)
    with _unfilled():
        network = Vocos(VocosSizes.of(state))
    return fill(network, state, path)


def load_dit_state(manifest: Manifest, convert: Convert) -> tuple[dict[str, Tensor], list[str]]:
    """The model's weights, each passed through `convert` as it is read, and the lines of its vocabulary.

    Held against the hash and against each other. Without the rotary frequencies: those are computed.
    """
    vocabulary = list(load_vocabulary(manifest.vocabulary).tokens)
    if manifest.sha256 is not None:
        checkpoint_hash(manifest)
    state = _read_dit_state(manifest.checkpoint, convert)
    _check_vocabulary(state, vocabulary, manifest)
    _check_rotary(state.pop(_ROTARY, None), manifest.architecture.dim_head)
    return state, vocabulary


def _read_dit_state(path: Path, convert: Convert) -> dict[str, Tensor]:
    """Weights under the network's own names. Understands plain, EMA and training checkpoints."""
    state: dict[str, Tensor] = {}
    for key, read in _tensors(path):
        name = key.removeprefix("ema_model.").removeprefix("transformer.")
        if key not in _EMA_COUNTERS and not name.startswith("mel_spec."):
            # Angles, not weights: their precision is not a matter of taste.
            state[name] = read().float() if name == _ROTARY else convert(read())
    return state


def read_vocos_state(path: Path, device: torch.device) -> dict[str, Tensor]:
    """Vocos's decoder in `path`, fp32. The mel front end and the window in it are ours already."""
    _check_vocos_config(path.parent / "config.yaml")
    return {
        key: read().to(device, torch.float32)
        for key, read in _tensors(path)
        if not key.startswith("feature_extractor.") and key != "head.istft.window"
    }


# --- files ----------------------------------------------------------------------------------------


def _tensors(path: Path) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """Names in the file, each with what reads its tensor. A file that is no checkpoint is a `CheckpointMismatch`."""
    if not path.is_file():
        raise errors.MissingModelFile(f"There is no checkpoint at {path}.")
    try:
        yield from _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    except (SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise errors.CheckpointMismatch(f"{path} cannot be read as a checkpoint: {reason}") from error


def _safetensors(path: Path) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    with safe_open(path, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 - not a mapping
            yield key, partial(file.get_tensor, key)


def _pickled(path: Path) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise errors.CheckpointMismatch(f"{path} holds {type(content).__name__}, expected a state dict.")
    nested: Mapping[str, Any] = next((content[name] for name in _NESTINGS if name in content), content)
    for key, value in nested.items():
        if isinstance(value, Tensor):
            yield key, partial(_itself, value)


def _itself(tensor: Tensor) -> Tensor:
    return tensor


# --- checks ---------------------------------------------------------------------------------------


def _check_vocabulary(state: Mapping[str, Tensor], vocabulary: list[str], manifest: Manifest) -> None:
    """The embedding has one row more than the vocabulary has lines: the filler's."""
    embedding = state.get(_TEXT_EMBEDDING)
    if embedding is not None and len(embedding) != len(vocabulary) + 1:
        raise errors.CheckpointMismatch(
            f"The vocabulary {manifest.vocabulary} has {len(vocabulary)} entries, so the text embedding in "
            f"{manifest.checkpoint} should have {len(vocabulary) + 1} rows; it has {len(embedding)}."
        )


def _check_rotary(found: Tensor | None, dim_head: int) -> None:
    """A checkpoint's rotary frequencies must be those we compute (exactly; it may hold them in half precision)."""
    if found is None:
        return
    expected = rotary_frequencies(dim_head)
    if found.shape != expected.shape or not torch.allclose(found.cpu(), expected, rtol=1e-2, atol=1e-6):
        raise errors.CheckpointMismatch(
            f"The checkpoint's rotary frequencies ({_ROTARY}, {len(found)} of them) are not those of F5-TTS "
            f"for heads of {dim_head} channels ({len(expected)}, base 10000)."
        )


def _check_vocos_config(path: Path) -> None:
    """Only centered frames fit the mel that the DiT was trained on. The file is searched, not executed."""
    if path.is_file():
        found = set(re.findall(r"padding:\s*[\"']?(\w+)", path.read_text(encoding="utf-8")))
        if found - {"center"}:
            raise errors.CheckpointMismatch(f"{path} describes a Vocos with padding {min(found)}; expected center.")


class _Undrawn(TorchFunctionMode):
    """Modules made in it draw no first weights. To draw an embedding's that are nowhere, torch would import its
    compiler, which takes a second."""

    def __torch_function__(
        self, function: Callable[..., Any], _types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if getattr(function, "__module__", None) == nn.init.__name__:
            return named["tensor"] if "tensor" in named else args[0]
        return function(*args, **named)


@contextmanager
def _unfilled() -> Iterator[None]:
    """Modules made in it have no weights yet: `fill` gives them theirs."""
    with torch.device("meta"), _Undrawn():
        yield


def fill(network: Network, state: dict[str, Tensor], path: Path) -> Network:
    """Puts the tensors themselves, not copies, into `network`, ready to infer. Raises `CheckpointMismatch`."""
    expected = network.state_dict()
    problems = [
        _listing("missing keys", expected.keys() - state.keys()),
        _listing("unexpected keys", state.keys() - expected.keys()),
        *_wrong_sizes(expected, state),
    ]
    if any(problems):
        raise errors.CheckpointMismatch(
            f"{path} does not fit the architecture: {'; '.join(problem for problem in problems if problem)}."
        )
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _wrong_sizes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    wrong = [
        f"{key} is {list(state[key].shape)}, expected {list(tensor.shape)}"
        for key, tensor in expected.items()
        if key in state and state[key].shape != tensor.shape
    ]
    return wrong[:_SHOWN] + ([f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else [])


def _listing(what: str, keys: Iterable[str]) -> str:
    names = sorted(keys)
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what}: {', '.join(names[:_SHOWN])}{more}"
