"""How well a checkpoint speaks, through the product: `python -m benchmarks.quality --help`. See README.md."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, get_args

from rich.console import Console
from rich.progress import track

from benchmarks.items import draw_items
from benchmarks.measuring import Examiner, Row, Standard, Task, speak
from benchmarks.recognition import Recognizer
from benchmarks.report import Run, print_table, write_json, write_plot
from benchmarks.scores import score
from benchmarks.sentences import load_sentences
from benchmarks.speakers import load_speaker_encoder
from benchmarks.surroundings import machine, sha256_of, versions
from f5_tts_core import limits
from f5_tts_core.engine import Engine, EngineConfig, Precision, create_engine
from f5_tts_core.manifest import BUNDLED, resolve_manifest
from f5_tts_core.types import Reference
from training.espeak import Espeak

_SEED: Final = 20_260
_RESULTS: Final = Path(__file__).with_name("results")


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    config = engine_config(options)
    engine = create_engine(options.engine, config)
    engine.load()
    try:
        tasks = options.items * len(options.nfe)
        rows = list(track(_rows(engine, options), "Speaking and listening", total=tasks))
        about = _about(engine, config, options)
    finally:
        engine.close()
    scores = [score([row for row in rows if row.nfe_step == nfe_step]) for nfe_step in options.nfe]
    run = Run(about, scores, rows)
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    print_table(run, console)
    console.print(f"Written: {write_json(run, options.out)}, {write_plot(run, options.out)}")


def engine_config(options: argparse.Namespace) -> EngineConfig:
    """What `--model` names: a model by its name, or a checkpoint (or its folder) by its path."""
    is_path = Path(options.model).exists()
    return EngineConfig(
        model_name=options.architecture if is_path else options.model,
        ckpt_path=Path(options.model) if is_path else None,
        vocoder_path=options.vocoder,
        device=options.device,
        precision=options.precision,
        max_concurrency=1,
        threads=options.threads,
    )


def _rows(engine: Engine, options: argparse.Namespace) -> Iterator[Row]:
    examiner = Examiner(Recognizer(), load_speaker_encoder())
    tasks = _tasks(examiner, options) if options.human is None else _tasks_of_recording(examiner, options)
    for standard, task in tasks:
        for nfe_step in options.nfe:
            take = speak(engine, task.sentence, standard.reference, seed=task.seed, nfe_step=nfe_step)
            yield examiner.examine(take, replace(task, nfe_step=nfe_step), standard)


def _tasks(examiner: Examiner, options: argparse.Namespace) -> Iterator[tuple[Standard, Task]]:
    """In held-out voices, each beside its teacher."""
    espeak = Espeak()
    for item in draw_items(options.items, options.seed):
        voice = item.voice
        name = f"{voice.variant} pitch {voice.pitch} rate {voice.rate} tract {voice.tract:.3f}"
        task = Task(item.sentence, name, item.seed, is_heard=item.is_heard, tract=voice.tract)
        yield examiner.standard_of(item, espeak), task


def _tasks_of_recording(examiner: Examiner, options: argparse.Namespace) -> Iterator[tuple[Standard, Task]]:
    reference, sentences = Reference(options.human.read_bytes(), options.text), load_sentences()
    for index in range(options.items):
        sentence = sentences[index % len(sentences)]
        yield examiner.standard_of_recording(reference, sentence), Task(sentence, "recording", options.seed + index)


def _about(engine: Engine, config: EngineConfig, options: argparse.Namespace) -> dict[str, Any]:
    checkpoint = resolve_manifest(config).checkpoint
    return {
        **asdict(engine.describe()),
        "checkpoint_sha256": sha256_of(checkpoint),
        "items": options.items,
        "seed": options.seed,
        "voices": "held-out" if options.human is None else "recording",
        "machine": machine(),
        "versions": versions(),
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.human is None) != (not options.text):
        parser.error("--human and --text go together: the recording, and what is said in it")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--model", default=BUNDLED, help="a model's name, or the path of a checkpoint or its folder")
    parser.add_argument("--architecture", default=BUNDLED, help="the name to read a checkpoint by that has no config")
    parser.add_argument("--vocoder", type=Path, help="path of the vocoder, where the model brings none")
    parser.add_argument("--engine", default="f5", help="f5 or upstream (default %(default)s)")
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    parser.add_argument("--precision", default="auto", choices=get_args(Precision), help="default %(default)s")
    parser.add_argument("--threads", type=int, default=0, help="torch's threads; 0 leaves its choice")
    parser.add_argument("--items", type=_positive, default=len(load_sentences()), help="default %(default)s")
    default_steps = limits.PRESETS[limits.DEFAULT_PRESET]
    parser.add_argument("--nfe", type=_positive, nargs="+", default=[default_steps], help="solver steps, one or more")
    parser.add_argument("--seed", type=int, default=_SEED, help="another seed draws other voices and other noise")
    parser.add_argument("--out", type=Path, default=_RESULTS, help="folder of the JSON and the picture")
    parser.add_argument("--human", type=Path, help="follow this real recording instead of held-out synthetic voices")
    parser.add_argument("--text", default="", help="what is said in the recording")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return value


if __name__ == "__main__":
    main()
