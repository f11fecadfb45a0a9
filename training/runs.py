"""Puts a run together: data, network, task, loop."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from string import ascii_lowercase

import torch

from f5_tts_core.network.dit import DiT
from f5_tts_core.network.vocos import Vocos
from f5_tts_core.text.front_end import front_end
from f5_tts_core.text.pacing import Pacing
from f5_tts_core.text.phonemes import phoneme_tokens
from f5_tts_core.text.vocabulary import Vocabulary
from training import dit, vocoder
from training.alignment import Aligner
from training.batches import BatchMaker, MelBank, Transcripts
from training.durations import usual_seconds, write_token_seconds
from training.errors import TrainingError
from training.loop import STARTED_FROM, Run, saved_in, train
from training.recipe import Optimisation, Recipe
from training.speech import load_corpus


@dataclass(frozen=True)
class RunOptions:
    """What differs from call to call of one run."""

    #: As torch names it, or `auto`: CUDA where there is one.
    device: str = "auto"
    #: Of torch on the CPU; None leaves its choice.
    threads: int | None = None
    minutes: float | None = None
    total_minutes: float | None = None
    #: A checkpoint whose weights a new run of the acoustic model begins with, as far as they fit.
    start_from: Path | None = None


def vocabulary_of(name: str) -> list[str]:
    """The lines of vocab.txt for a front end. Raises `TrainingError` for one that the recipe cannot list."""
    if name == "lowercase-characters":
        return [" ", *ascii_lowercase, *",.!?'"]
    if name == "phonemes-en":
        return phoneme_tokens()
    raise TrainingError(f"The recipe knows no vocabulary for the front end {name!r}.")


def train_dit(recipe: Recipe, build: Path, options: RunOptions, *, compiled: bool = False) -> bool:
    """Trains the acoustic model in `build/dit`; whether it is finished."""
    device = _prepare(options)
    vocabulary = Vocabulary(vocabulary_of(recipe.front_end))
    network = dit.initialise(DiT(recipe.dit.architecture, len(vocabulary)), recipe.seed).to(device)
    if options.start_from is not None and saved_in(build / "dit") is None:
        _start_from(network, options.start_from, build / "dit")
    trained, held_out = _batches(recipe, build, device, vocabulary)
    task = dit.DitTask(recipe, network, trained, held_out, compiled=compiled)
    return train(task, _run(build / "dit", recipe.dit.optimisation, recipe.dit_identity, options))


def _start_from(network: DiT, checkpoint: Path, folder: Path) -> None:
    """Begins with another checkpoint's weights, and notes whose, for the card."""
    dit.start_from(network, checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STARTED_FROM).write_text(hashlib.sha256(checkpoint.read_bytes()).hexdigest() + "\n", encoding="ascii")


def train_vocoder(recipe: Recipe, build: Path, options: RunOptions, *, adversarial: bool = False) -> bool:
    """Trains the vocoder in `build/vocoder`; whether it is finished."""
    device = _prepare(options)
    network = vocoder.initialise(Vocos(vocoder.vocos_sizes(recipe.vocoder)), recipe.seed).to(device)
    trained = load_corpus(build / "speech", "train", shards=recipe.vocoder.shards)
    held_out = load_corpus(build / "speech", "held-out")
    task = vocoder.VocoderTask(recipe, network, trained, held_out, adversarial=adversarial)
    return train(task, _run(build / "vocoder", recipe.vocoder.optimisation, recipe.vocoder_identity, options))


def _batches(
    recipe: Recipe, build: Path, device: torch.device, vocabulary: Vocabulary
) -> tuple[BatchMaker, BatchMaker]:
    """What is learned from, and what is held out."""
    corpora = [load_corpus(build / "speech", split) for split in ("train", "held-out")]
    banks = [MelBank(corpus, device) for corpus in corpora]
    aligner = _learn_sounds(recipe, corpora[0].texts, banks[0], vocabulary)
    seconds = usual_seconds(aligner.heard, vocabulary.tokens)
    write_token_seconds(build / "dit", seconds)
    pacing = Pacing(seconds)
    trained, held_out = (
        BatchMaker(recipe, corpus, bank, Transcripts.of_corpus(corpus.texts, bank, vocabulary, pacing, aligner))
        for corpus, bank in zip(corpora, banks, strict=True)
    )
    return trained, held_out


def _learn_sounds(recipe: Recipe, texts: Sequence[str], bank: MelBank, vocabulary: Vocabulary) -> Aligner:
    """From the first of the speech: the same in every call of a run."""
    count = recipe.dit.measured_utterances
    mels = list(islice(bank.spoken(), count))
    return Aligner.learn(texts[:count], mels, front_end(recipe.front_end), vocabulary.tokens)


def _prepare(options: RunOptions) -> torch.device:
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")
    if options.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(options.device)


def _run(folder: Path, optimisation: Optimisation, identity: str, options: RunOptions) -> Run:
    return Run(folder, optimisation, identity, minutes=options.minutes, total_minutes=options.total_minutes)
