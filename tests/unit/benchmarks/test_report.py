"""A run as a table, as JSON and as a picture; what the command line accepts; and what is said of the machine."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.measuring import Row
from benchmarks.quality import engine_config, parse
from benchmarks.report import Run, print_table, write_json, write_plot
from benchmarks.scores import score
from benchmarks.surroundings import machine, versions
from tests.unit.benchmarks.rows import ROW

RECORDED = replace(
    ROW,
    words_teacher=None,
    words_floor=None,
    speaker_teacher=None,
    speaker_other=None,
    distance=None,
    distance_floor=None,
    distance_other=None,
)


def run_of(*rows: Row, voices: str = "held-out") -> Run:
    return Run({"model": "timbre-tiny", "voices": voices}, [score(rows)], rows)


def test_the_table_shows_how_much_of_the_way_is_closed() -> None:
    console = Console(file=io.StringIO(), width=120)
    print_table(run_of(ROW), console)

    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    words = next(line for line in lines if "words heard right" in line)
    assert [figure in words for figure in ("20.0 %", "60.0 %", "100.0 %", "50.0 %")] == [True] * 4


def test_the_json_holds_every_row(tmp_path: Path) -> None:
    path = write_json(run_of(ROW, replace(ROW, failure="cut")), tmp_path)

    written = json.loads(path.read_text())
    assert path.name == "quality-timbre-tiny.json"
    assert [row["failure"] for row in written["rows"]] == [None, "cut"]
    assert written["scores"][0]["words_closed"] == pytest.approx(0.5)
    assert written["about"]["model"] == "timbre-tiny"


@pytest.mark.parametrize(("row", "voices"), [(ROW, "held-out"), (RECORDED, "recording")])
def test_the_same_figures_give_the_same_picture(tmp_path: Path, row: Row, voices: str) -> None:
    run = run_of(row, voices=voices)
    first = write_plot(run, tmp_path).read_bytes()

    assert first.startswith(b"\x89PNG")
    assert write_plot(run, tmp_path).read_bytes() == first


def test_a_recording_s_figures_do_not_replace_those_of_held_out_voices() -> None:
    assert run_of(ROW).name != run_of(RECORDED, voices="recording").name


def test_a_model_is_a_name_or_a_path(tmp_path: Path) -> None:
    named = engine_config(parse(["--model", "F5TTS_v1_Base"]))
    found = engine_config(parse(["--model", str(tmp_path), "--architecture", "F5TTS_v1_Small"]))

    assert (named.model_name, named.ckpt_path) == ("F5TTS_v1_Base", None)
    assert (found.model_name, found.ckpt_path) == ("F5TTS_v1_Small", tmp_path)


def test_a_model_speaks_in_the_precision_asked_for() -> None:
    assert engine_config(parse([])).precision == "auto"
    assert engine_config(parse(["--precision", "int8"])).precision == "int8"


@pytest.mark.parametrize(
    "arguments", [["--items", "0"], ["--nfe", "-1"], ["--human", "voice.wav"], ["--text", "No recording."]]
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert "error" in capsys.readouterr().err


def test_what_shapes_a_figure_is_named() -> None:
    assert machine()["cores"]
    assert {"torch", "pocketsphinx", "espeakng-loader"} <= versions().keys()
