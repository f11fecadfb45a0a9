"""`python -m training STEP`: texts, speech, dit, vocoder, export, in this order, or all. Each can be resumed."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from f5_tts_core.manifest import ASSETS, BUNDLED
from training.errors import TrainingError
from training.recipe import SIZES, Recipe
from training.speech import synthesise
from training.texts import sources_at_hand, write_texts

if TYPE_CHECKING:
    from training.runs import RunOptions

_BENCHMARK: Final = Path(__file__).parents[1] / "benchmarks" / "sentences.txt"
_FORTUNES: Final = Path("/usr/share/games/fortunes")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    recipe = _recipe(options)
    steps = list(_STEPS) if options.step == "all" else [options.step]
    try:
        for step in steps:
            _STEPS[step](recipe, options)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("step", choices=[*_STEPS, "all"])
    parser.add_argument("--size", choices=sorted(SIZES), default="tiny")
    parser.add_argument("--build", type=Path, default=Path("build/training"), help="folder for data and checkpoints")
    parser.add_argument("--fortunes", type=Path, default=_FORTUNES if _FORTUNES.is_dir() else None)
    parser.add_argument("--processes", type=int, help="of the synthesiser; one a core where not given")
    parser.add_argument("--front-end", help="in place of the recipe's")
    parser.add_argument("--speakers", type=int, help="in place of the recipe's")
    parser.add_argument("--device", default="auto", help="cuda, cpu, …")
    parser.add_argument("--threads", type=int, help="of torch on the CPU")
    parser.add_argument("--steps", type=int, help="of the whole run, in place of the recipe's")
    parser.add_argument("--frames", type=int, help="mel frames a step, in place of the recipe's")
    parser.add_argument("--minutes", type=float, help="after which this call stops, with a checkpoint")
    parser.add_argument("--total-minutes", type=float, help="in which all calls together should finish the run")
    parser.add_argument("--start-from", type=Path, help="a checkpoint (.safetensors) for a new dit to begin with")
    parser.add_argument("--compile", action="store_true", help="compile the DiT's blocks (CUDA)")
    parser.add_argument("--adversarial", action="store_true", help="train the vocoder against critics (CUDA)")
    parser.add_argument("--output", type=Path, help="the model's folder; below the build folder where not given")
    parser.add_argument("--install", action="store_true", help="put the exported model in the bundled one's place")
    return parser


def _recipe(options: argparse.Namespace) -> Recipe:
    recipe = SIZES[options.size]
    dit, vocoder, speech = recipe.dit, recipe.vocoder, recipe.speech
    if options.steps:
        dit = replace(dit, optimisation=replace(dit.optimisation, steps=options.steps))
        vocoder = replace(vocoder, optimisation=replace(vocoder.optimisation, steps=options.steps))
    if options.frames:
        dit = replace(dit, frames_per_step=options.frames)
    if options.speakers:
        speech = replace(speech, speakers=options.speakers)
    front_end = options.front_end or recipe.front_end
    return replace(recipe, dit=dit, vocoder=vocoder, speech=speech, front_end=front_end)


# --- the steps ------------------------------------------------------------------------------------


def _texts(recipe: Recipe, options: argparse.Namespace) -> None:
    exclude = [_BENCHMARK] if _BENCHMARK.exists() else []
    sources = sources_at_hand(options.fortunes)
    counts = write_texts(options.build / "texts", sources, exclude=exclude, seed=recipe.seed)
    for source, count in counts.items():
        print(f"texts: {count} from {source}")


def _speech(recipe: Recipe, options: argparse.Namespace) -> None:
    folder = options.build / "speech"
    made = synthesise(recipe, options.build / "texts", folder, processes=options.processes)
    print(f"speech: {made} shards made, {len(list(folder.glob('*.npz')))} in all")


def _dit(recipe: Recipe, options: argparse.Namespace) -> None:
    from training.runs import train_dit  # noqa: PLC0415 - torch takes seconds, and processes, to load

    train_dit(recipe, options.build, _run_options(options), compiled=options.compile)


def _vocoder(recipe: Recipe, options: argparse.Namespace) -> None:
    from training.runs import train_vocoder  # noqa: PLC0415 - as above

    train_vocoder(recipe, options.build, _run_options(options), adversarial=options.adversarial)


def _export(recipe: Recipe, options: argparse.Namespace) -> None:
    from training.export import export, install  # noqa: PLC0415 - as above
    from training.runs import vocabulary_of  # noqa: PLC0415 - as above

    folder = options.output or options.build / recipe.name
    export(recipe, options.build, folder, vocabulary_of(recipe.front_end))
    if options.install:
        install(folder, ASSETS / BUNDLED)
    print(f"export: {folder}")


def _run_options(options: argparse.Namespace) -> "RunOptions":
    from training.runs import RunOptions  # noqa: PLC0415 - as above

    return RunOptions(options.device, options.threads, options.minutes, options.total_minutes, options.start_from)


_STEPS: Final[dict[str, Callable[[Recipe, argparse.Namespace], None]]] = {
    "texts": _texts,
    "speech": _speech,
    "dit": _dit,
    "vocoder": _vocoder,
    "export": _export,
}

if __name__ == "__main__":
    sys.exit(main())
