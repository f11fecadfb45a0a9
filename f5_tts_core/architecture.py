"""The shape of a DiT: what a config beside its checkpoint must say before the weights mean anything. Free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from f5_tts_core import errors, limits

#: Official YAML names that differ from ours.
_ALIASES: Final = {"text_embedding_average_upsampling": "average_upsampling"}
#: Official YAML names that say how to train or which kernel to use, never what the weights mean.
_IGNORED: Final = frozenset({"attn_backend", "attn_mask_enabled", "checkpoint_activations", "dropout"})


@dataclass(frozen=True)
class Architecture:
    """The DiT's shape: every number and switch that decides what its weights mean."""

    dim: int
    depth: int
    heads: int
    ff_mult: int
    text_dim: int
    dim_head: int = 64
    #: ConvNeXt-V2 blocks after the text embedding.
    conv_layers: int = 0
    #: Whether frames without a character stay zero in the text embedding (v1) or hold the filler's (v0).
    text_mask_padding: bool = True
    #: Whether characters are spread evenly over the frames, rather than standing at their start.
    average_upsampling: bool = False
    qk_norm: Literal["rms_norm"] | None = None
    #: Attention heads, from the first, that see rotary positions; None is all of them (v1), v0 has 1.
    pe_attn_head: int | None = None
    long_skip_connection: bool = False
    mel_dim: int = limits.N_MELS

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Architecture":
        """From a config's `architecture`, in our names or upstream's. Raises `ModelError`."""
        named = {_ALIASES.get(key, key): value for key, value in values.items() if key not in _IGNORED}
        known = {field.name for field in fields(cls)}
        refuse_unknown("architecture", named, known)
        missing = sorted({"dim", "depth", "heads", "ff_mult"} - named.keys())
        if missing:
            raise errors.ModelError(f"The architecture lacks {', '.join(missing)}.")
        architecture = cls(**{"text_dim": named.get("mel_dim", limits.N_MELS), **named})
        architecture._check()
        return architecture

    def _check(self) -> None:
        counts = ("dim", "depth", "heads", "ff_mult", "text_dim", "dim_head", "mel_dim")
        for name in counts:
            _expect(f"architecture.{name}", getattr(self, name), int, at_least=1)
        # The position convolution has 16 groups; rotary and sinusoidal positions come in pairs.
        for name, divisor in (("dim", 16), ("dim_head", 2), ("text_dim", 2)):
            if getattr(self, name) % divisor:
                raise errors.ModelError(
                    f"architecture.{name} is {getattr(self, name)}; expected a multiple of {divisor}."
                )
        _expect("architecture.conv_layers", self.conv_layers, int, at_least=0)
        for name in ("text_mask_padding", "average_upsampling", "long_skip_connection"):
            _expect(f"architecture.{name}", getattr(self, name), bool)
        if self.pe_attn_head is not None:
            _expect("architecture.pe_attn_head", self.pe_attn_head, int, at_least=1)
        if self.qk_norm not in (None, "rms_norm"):
            raise errors.ModelError(f"architecture.qk_norm is {self.qk_norm!r}; expected null or 'rms_norm'.")
        if self.average_upsampling and not self.text_mask_padding:
            raise errors.ModelError("architecture.average_upsampling needs text_mask_padding.")
        if self.mel_dim != limits.N_MELS:
            raise errors.ModelError(f"architecture.mel_dim is {self.mel_dim}; expected {limits.N_MELS}.")


def refuse_unknown(where: str, values: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
    """Raises `ModelError` for keys of `values` that nobody would read."""
    unknown = sorted(values.keys() - known)
    if unknown:
        raise errors.ModelError(f"Unknown keys in {where}: {', '.join(unknown)}; known: {', '.join(sorted(known))}.")


def _expect(name: str, value: object, kind: type, *, at_least: int | None = None) -> None:
    fits = type(value) is kind and (at_least is None or (isinstance(value, int) and value >= at_least))
    if not fits:
        bound = "" if at_least is None else f" of {at_least} or more"
        raise errors.ModelError(f"{name} is {value!r}; expected {kind.__name__}{bound}.")
