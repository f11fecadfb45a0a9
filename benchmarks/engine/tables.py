"""Tables for people: made as plain values, drawn by rich where it is installed. Free of torch."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.engine.spread import Spread

#: Characters a line where no terminal says how many it has.
_FILE_WIDTH: Final = 130


@dataclass(frozen=True)
class Table:
    """The first column is text, the others are figures. `note` says what a reader must know to trust them."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def seconds(value: float) -> str:
    """Three digits that mean something: 12.3 s, 1.23 s, 45.6 ms."""
    if value >= 10:
        return f"{value:.1f} s"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"


def spread(value: Spread, written: Callable[[float], str] = seconds) -> str:
    """The median, and in brackets the extremes where there are any."""
    if value.count == 1:
        return written(value.median)
    return f"{written(value.median)} ({written(value.least)} to {written(value.most)})"


def times(value: float) -> str:
    return f"{value:.1f}×" if value < 100 else f"{value:.0f}×"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def draw(table: Table) -> None:
    """Print it."""
    try:
        from rich.console import Console  # noqa: PLC0415 - a bare GPU machine may lack it
        from rich.table import Table as RichTable  # noqa: PLC0415
    except ImportError:
        print(as_text(table))
        return
    drawn = RichTable(title=table.title, caption=table.note or None, title_justify="left", caption_justify="left")
    for index, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if index else "left", no_wrap=not index)
    for row in table.rows:
        drawn.add_row(*row)
    Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(drawn)


def as_text(table: Table) -> str:
    """The table in columns of plain text."""
    lines = [table.columns, *table.rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.columns))]
    aligned = ["  ".join([line[0].ljust(widths[0]), *_right(line[1:], widths[1:])]) for line in lines]
    return "\n".join([table.title, *aligned, *([table.note] if table.note else [])]) + "\n"


def _right(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
