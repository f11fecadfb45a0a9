"""The model card: what the model is made of, written from what the runs left behind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.loop import LOG, STARTED_FROM
from training.recipe import Recipe
from training.voices import HELD_OUT_TRACTS, TRAIN_TRACTS, variants_of

_CARD = """# {name}

A small F5-TTS model for English, trained from nothing by `training/`. It exists so that a first sound comes in a
minute, offline, and so that tests exercise real weights. **It is not a voice cloner to be proud of**: it has only
ever heard a synthesiser. For real voices use a real checkpoint, such as `F5TTS_v1_Base`.

| | |
|---|---|
| network | DiT of {dit_millions:.1f} M parameters, {vocoder}; fp16 safetensors |
| text | front end `{front_end}`; English |
| reference | up to {reference_seconds:g} s; reference and speech together up to {total_seconds:g} s a chunk |
| licence | Apache-2.0, as the rest of this repository |

## Data

{utterances} utterances of {speakers} voices, all spoken by espeak-ng (GPL-3.0-or-later; a tool of the recipe, no part
of the model): accent en-us, {variants} variants, pitch, liveliness and rate drawn at random, resampled by
{tracts} (which moves the vocal tract). No human voice is in it.
Kept for measuring, and not trained on: {held_out} variants ({held_out_variants})
and resampling by {held_out_tracts}. What was said:

{sources}

## Training

{runs}
{start}
## Limits

English only. It has learned to follow synthetic voices: of a human reference it keeps what such voices can have.
Its speech is as clear as its teacher's at best, which is a formant synthesiser. Long texts are spoken in chunks of
some seconds. How well it does is measured by `benchmarks/quality.py`; see `benchmarks/results/`.
"""

_START = """
The acoustic model began with what fits of an earlier checkpoint (SHA-256 {digest}).
What that one was trained on may hold the voices that are kept for measuring here: measured figures say how well voices
are followed that this run never heard, not that no ancestor of it did.
"""


@dataclass(frozen=True)
class Trained:
    """A network of the model, and the run that made it."""

    parameters: int
    #: Its step, and the seconds that all its calls took.
    position: Mapping[str, float]
    folder: Path


def model_card(
    recipe: Recipe,
    build: Path,
    networks: Mapping[str, Trained],
) -> str:
    """The card as Markdown, of the networks `dit` and, where there is one, `vocoder`."""
    sources = build / "texts" / "SOURCES.md"
    held_out = variants_of("held-out")
    return _CARD.format(
        name=recipe.name,
        dit_millions=networks["dit"].parameters / 1e6,
        vocoder=_vocoder(networks.get("vocoder")),
        front_end=recipe.front_end,
        reference_seconds=recipe.reference_seconds,
        total_seconds=recipe.total_seconds,
        utterances=f"{recipe.speech.speakers * recipe.speech.utterances_per_speaker:,}",
        speakers=f"{recipe.speech.speakers:,}",
        variants=len(variants_of("train")),
        tracts=_bands(TRAIN_TRACTS),
        held_out=len(held_out),
        held_out_variants=", ".join(held_out),
        held_out_tracts=_bands(HELD_OUT_TRACTS),
        sources=sources.read_text(encoding="utf-8").strip() if sources.exists() else "(not recorded)",
        runs=_table(networks),
        start=_start(build / "dit" / STARTED_FROM),
    )


def _start(path: Path) -> str:
    if not path.exists():
        return ""
    digest = path.read_text(encoding="ascii").strip()
    return _START.format(digest=digest)


def _bands(bands: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"{low:g} to {high:g}" for low, high in bands)


def _vocoder(trained: Trained | None) -> str:
    return "no vocoder (Griffin-Lim)" if trained is None else f"Vocos of {trained.parameters / 1e6:.1f} M"


def _table(networks: Mapping[str, Trained]) -> str:
    rows = ["| network | steps | minutes | last losses |", "|---|---|---|---|"]
    for name, trained in networks.items():
        losses = ", ".join(f"{loss} {value:.4f}" for loss, value in _last_losses(trained.folder / LOG).items())
        steps, seconds = trained.position["step"], trained.position["seconds"]
        rows.append(f"| {name} | {steps:,} | {seconds / 60:.1f} | {losses} |")
    return "\n".join(rows)


def _last_losses(log: Path) -> dict[str, float]:
    """The last value of each loss in a run's log."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    last: dict[str, Any] = {}
    for line in lines:
        last |= json.loads(line)
    return {name: value for name, value in last.items() if name not in ("step", "seconds", "rate", "steps_per_second")}
