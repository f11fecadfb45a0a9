"""How far presets and precisions stray from fp32 at 32 steps, on the bundled model's real weights.

The distance is the mean absolute difference of log mels over the speech's frames, from the same noise. How far
apart two seeds are, both in fp32 at 32 steps, is there to compare with: both are as good.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from typing import Any, Final

import torch
from torch import Tensor

from benchmarks.engine.parts import Options, PartResult, PartUnavailable
from benchmarks.engine.peers import OurPeer
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table
from benchmarks.engine.utterances import Chunk, Utterance
from f5_tts_core import limits
from f5_tts_core.engine import EngineConfig
from f5_tts_core.manifest import Manifest, resolve_manifest
from f5_tts_core.text.vocabulary import load_vocabulary
from f5_tts_core.types import Reference

SENTENCES: Final = (
    "the children walked to school this morning",
    "seven people waited outside the station",
    "please bring some water to the kitchen",
)
_YARDSTICK: Final = limits.PRESETS["quality"]

Mels = list[Tensor]


def measure(options: Options) -> PartResult:
    manifest = resolve_manifest(EngineConfig())
    texts = _utterances(manifest, options)
    precisions = ["fp32", "bf16", ("fp16" if options.device == "cuda" else "int8")]
    found: dict[str, list[float]] = {}
    with closing(OurPeer(manifest, options.device, "fp32")) as exact:
        yardstick = [exact.mels(text.at(_YARDSTICK)) for text in texts]
        other = [exact.mels(replace(text.at(_YARDSTICK), seed=text.seed + 1000)) for text in texts]
    for precision in precisions:
        with closing(OurPeer(manifest, options.device, precision)) as peer:
            for preset, nfe_step in limits.PRESETS.items():
                mels = [peer.mels(text.at(nfe_step)) for text in texts]
                found[f"{precision} {preset} (NFE {nfe_step})"] = _distances(mels, yardstick)
    found["fp32 quality, another seed"] = _distances(other, yardstick)
    return PartResult([_table(manifest.name, found)], {"model": manifest.name, "distances": found})


def mel_distance(mels: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """Mean absolute difference of log mels [frames, n_mels], chunk by chunk, every frame with the same weight."""
    gaps = torch.cat([(mel - other).abs() for mel, other in zip(mels, others, strict=True)])
    return float(gaps.mean())


def _distances(mels: Sequence[Mels], others: Sequence[Mels]) -> list[float]:
    return [mel_distance(mel, other) for mel, other in zip(mels, others, strict=True)]


def _utterances(manifest: Manifest, options: Options) -> list[Utterance]:
    """The sentences after the bundled sample, read by the model's own text front end."""
    try:
        from f5_tts_core.plan import Planner  # noqa: PLC0415 - needs packages that a bare GPU machine lacks
    except ImportError as error:
        raise PartUnavailable(f"The text front end cannot be imported here: {error}.") from error
    sample = files("f5_tts_core") / "assets" / "sample"
    reference = Reference((sample / "reference.wav").read_bytes(), (sample / "reference.txt").read_text().strip())
    planner = Planner(manifest, load_vocabulary(manifest.vocabulary))
    clip = planner.prepare(reference, limits.TARGET_RMS)
    samples = torch.from_numpy(clip.audio.samples)
    spoken = SENTENCES[:1] if options.quick else SENTENCES
    planned = [planner.chunks(text, clip, 1.0) for text in spoken]
    return [
        Utterance(
            samples,
            tuple(Chunk(torch.tensor(chunk.tokens), chunk.speech_frames) for chunk in chunks),
            _YARDSTICK,
            seed=options.seed + index,
        )
        for index, chunks in enumerate(planned)
    ]


def _table(model: str, found: dict[str, list[float]]) -> Table:
    rows: list[tuple[Any, ...]] = []
    for mode, distances in found.items():
        gap = Spread.of(distances)
        rows.append((mode, f"{gap.median:.4f}", f"{gap.least:.4f}", f"{gap.most:.4f}"))
    title = f"Drift from fp32 at NFE {_YARDSTICK}, {model}: mean distance of log mels"
    return Table(title, ("mode", "median", "least", "most"), rows)
