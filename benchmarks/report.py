"""A quality run as a table for people, JSON for programs, and a picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Row
from benchmarks.scores import Scores


@dataclass(frozen=True)
class Run:
    """All that a run found. `about` says what was measured on what: model, machine, versions, seed."""

    about: dict[str, Any]
    scores: Sequence[Scores]
    rows: Sequence[Row]

    @property
    def name(self) -> str:
        """A file's name for it: which measure, which model, and whether it followed a real recording."""
        suffix = "-recording" if self.about["voices"] == "recording" else ""
        return f"quality-{self.about['model']}{suffix}"


def print_table(run: Run, console: Console) -> None:
    table = Table(title=f"{run.about['model']}: {run.scores[0].items} items")
    for title in ("NFE", "measure", "floor", "this model", "teacher", "way closed"):
        table.add_column(title, justify="left" if title == "measure" else "right")
    for scores in run.scores:
        for measure, *figures in _lines(scores):
            table.add_row(str(scores.nfe_step), measure, *figures)
        table.add_section()
    console.print(table)


def _lines(scores: Scores) -> list[tuple[str, ...]]:
    """Measure, floor, this model, teacher, way closed."""
    s = scores
    words = (s.words_floor, s.words, s.words_teacher, s.words_closed)
    words_all = (s.words_all_floor, s.words_all, s.words_all_teacher, s.words_all_closed)
    speaker = (s.speaker_other, s.speaker, s.speaker_teacher)
    return [
        ("words heard right", *map(_percent, words)),
        ("… in all voices", *map(_percent, words_all)),
        ("speaker similarity", *map(_number, speaker), _percent(s.speaker_closed)),
        ("dB to the teacher", _number(s.distance_floor), _number(s.distance), "", ""),
        ("… other voice's", _number(s.distance_other), "", "", ""),
        ("failed items", "", _percent(s.failed), "", ""),
        ("real-time factor", "", _number(s.real_time_factor), "", ""),
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def write_json(run: Run, folder: Path) -> Path:
    path = folder / f"{run.name}.json"
    path.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_plot(run: Run, folder: Path) -> Path:
    """Each item's words and voice at the first number of steps: the model's between the floor's and the teacher's."""
    import matplotlib as mpl  # noqa: PLC0415 (slow to import, and only drawn with)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 (after the choice of backend)

    rows = [row for row in run.rows if row.nfe_step == run.scores[0].nfe_step]
    heard = [row for row in rows if row.is_heard]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    _draw(axes[0], "words heard right", {
        "other words": [row.words_floor for row in heard],
        "this model": [row.words for row in heard],
        "teacher": [row.words_teacher for row in heard],
    })  # fmt: skip
    _draw(axes[1], "speaker similarity to the reference", {
        "other voice": [row.speaker_other for row in rows],
        "this model": [row.speaker for row in rows],
        "teacher": [row.speaker_teacher for row in rows],
    })  # fmt: skip
    figure.suptitle(f"{run.about['model']}, {rows[0].nfe_step} steps, {len(rows)} items")
    path = folder / f"{run.name}.png"
    # Without a date and the like, the same figures give the same file.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return path


def _draw(axis: Any, title: str, speakers: dict[str, list[float | None]]) -> None:
    measured = {name: [value for value in values if value is not None] for name, values in speakers.items()}
    shown = {name: values for name, values in measured.items() if values}
    if shown:
        axis.boxplot(list(shown.values()), tick_labels=list(shown), showmeans=True)
    axis.set_title(title)
    axis.set_ylim(0, 1.05)
    axis.grid(axis="y", alpha=0.3)
