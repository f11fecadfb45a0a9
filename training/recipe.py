"""The recipe's numbers, by size: `tiny` is the bundled model's, `smoke` a run of seconds for tests. Free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from f5_tts_core.architecture import Architecture


@dataclass(frozen=True)
class SpeechSizes:
    """How much the teacher says. A speaker is one voice; what it says becomes pairs of reference and speech."""

    speakers: int = 10_000
    utterances_per_speaker: int = 4
    held_out_speakers: int = 96
    speakers_per_shard: int = 100
    min_seconds: float = 0.7
    max_seconds: float = 5.4


@dataclass(frozen=True)
class Optimisation:
    """One training run: how long, how fast, from what batches."""

    steps: int
    learning_rate: float
    warmup_steps: int = 500
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema_decay: float = 0.9995
    #: Whether matrix products run in bf16; weights, optimiser and losses stay fp32.
    bf16: bool = True
    #: Steps between lines in the log, and between validations.
    log_every: int = 100
    validate_every: int = 1_000
    checkpoint_minutes: float = 3.0


@dataclass(frozen=True)
class DitSizes:
    """The acoustic model and how it learns."""

    architecture: Architecture
    optimisation: Optimisation
    #: Mel frames a step, over all rows.
    frames_per_step: int = 40_960
    #: Padded lengths of rows, in mel frames. Few, because each is a shape to compile for.
    buckets: tuple[int, ...] = (288, 480, 672, 960)
    #: Share of steps on single utterances; the others are pairs of one speaker, the second to be spoken.
    singles: float = 0.15
    drop_reference: float = 0.15
    #: Of rows without reference, the share without text too: what guidance compares with.
    drop_text: float = 0.7
    #: From how many utterances it is learned what sounds sound like, and how long tokens usually take.
    measured_utterances: int = 2_000


@dataclass(frozen=True)
class VocoderSizes:
    """The vocoder, an inverse of the mel, and how it learns."""

    optimisation: Optimisation
    #: How much of the speech it needs, which is less than the acoustic model does.
    shards: int = 40
    dim: int = 256
    inner_dim: int = 768
    depth: int = 6
    rows: int = 48
    #: Samples a row; a multiple of the hop.
    crop: int = 16_384
    #: Share of the steps after which the discriminators join, where they do at all.
    adversarial_from: float = 0.2
    #: Divides the discriminators' channels.
    discriminator_shrink: int = 1


@dataclass(frozen=True)
class Recipe:
    """All numbers of one model."""

    name: str
    dit: DitSizes
    vocoder: VocoderSizes
    speech: SpeechSizes = field(default_factory=SpeechSizes)
    seed: int = 1
    front_end: str = "phonemes-en"
    #: What the model is trained to follow and to hold, in seconds; the engine keeps to it.
    reference_seconds: float = 5.0
    total_seconds: float = 10.0

    @property
    def dit_identity(self) -> str:
        """What the acoustic model's weights mean: weights of another identity are not taken up."""
        return f"{self.dit.architecture} on aligned {self.front_end}"

    @property
    def vocoder_identity(self) -> str:
        return f"Vocos of {self.vocoder.depth} blocks, {self.vocoder.dim} by {self.vocoder.inner_dim}"


def _architecture(dim: int, depth: int, *, heads: int, conv_layers: int) -> Architecture:
    return Architecture(
        dim=dim,
        depth=depth,
        heads=heads,
        ff_mult=2,
        text_dim=dim,
        conv_layers=conv_layers,
        average_upsampling=True,
    )


_TINY: Final = Recipe(
    name="timbre-tiny",
    dit=DitSizes(
        _architecture(256, 8, heads=4, conv_layers=4),
        Optimisation(steps=40_000, learning_rate=8e-4, warmup_steps=200),
    ),
    vocoder=VocoderSizes(
        Optimisation(steps=30_000, learning_rate=5e-4, betas=(0.8, 0.99), ema_decay=0.999),
    ),
)

_SMOKE_OPTIMISATION: Final = Optimisation(
    steps=6, learning_rate=1e-3, warmup_steps=2, ema_decay=0.5, bf16=False, log_every=2, validate_every=3
)
_SMOKE: Final = Recipe(
    name="timbre-smoke",
    dit=DitSizes(
        _architecture(32, 2, heads=1, conv_layers=1), _SMOKE_OPTIMISATION, frames_per_step=960, buckets=(320, 640, 960)
    ),
    vocoder=VocoderSizes(
        _SMOKE_OPTIMISATION, dim=16, inner_dim=32, depth=2, rows=2, crop=8_192, discriminator_shrink=16
    ),
    speech=SpeechSizes(speakers=6, utterances_per_speaker=2, held_out_speakers=2, speakers_per_shard=3),
)

SIZES: Final[Mapping[str, Recipe]] = MappingProxyType({"tiny": _TINY, "smoke": _SMOKE})
