"""The whole measurement with the bundled model, at its smallest."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import Examiner, Task, speak
from benchmarks.quality import main
from benchmarks.recognition import Recognizer
from benchmarks.speakers import load_speaker_encoder
from f5_tts_core.engine import EngineConfig, create_engine
from f5_tts_core.types import Reference

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "f5_tts_core" / "assets" / "sample"
TRANSCRIPT = (SAMPLE / "reference.txt").read_text().strip()


def measured(folder: Path, *arguments: str, in_own_process: bool = False) -> dict[str, Any]:
    every = [*arguments, "--device", "cpu", "--threads", "1", "--out", str(folder)]
    if in_own_process:
        subprocess.run([sys.executable, "-m", "benchmarks.quality", *every], cwd=ROOT, check=True, capture_output=True)
    else:
        main(every)
    (path,) = folder.glob("*.json")
    assert path.with_suffix(".png").exists()
    run: dict[str, Any] = json.loads(path.read_text())
    return run


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "work_seconds"} for row in rows]


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    arguments = ("--items", "2", "--nfe", "1", "2", "--seed", "5")
    # The teacher's state runs on within a process, so each run has its own, as on the command line.
    first, second = (measured(tmp_path / name, *arguments, in_own_process=True) for name in ("first", "second"))

    assert [(row["nfe_step"], row["seed"]) for row in first["rows"]] == [(1, 5), (2, 5), (1, 6), (2, 6)]
    assert without_times(first["rows"]) == without_times(second["rows"])
    assert first["rows"][0]["words_teacher"] == first["rows"][1]["words_teacher"]
    assert [scores["nfe_step"] for scores in first["scores"]] == [1, 2]
    assert first["about"]["checkpoint_sha256"] == second["about"]["checkpoint_sha256"]


def test_the_teacher_is_nearer_to_the_reference_than_another_voice(tmp_path: Path) -> None:
    (scores,) = measured(tmp_path, "--items", "3", "--nfe", "1")["scores"]

    assert scores["speaker_teacher"] > scores["speaker_other"]
    assert scores["words_all_teacher"] > scores["words_all_floor"]


def test_a_real_recording_needs_no_teacher(tmp_path: Path) -> None:
    recording = ("--human", str(SAMPLE / "reference.wav"), "--text", TRANSCRIPT)
    run = measured(tmp_path, "--items", "1", "--nfe", "2", *recording)
    (row,) = run["rows"]

    assert run["about"]["voices"] == "recording"
    assert 0 <= row["words"] <= 1
    assert 0 < row["speaker"] <= 1
    assert row["words_teacher"] is row["speaker_other"] is row["distance"] is None


def test_what_the_engine_refuses_is_a_failed_item() -> None:
    engine = create_engine("tone", EngineConfig())
    engine.load()
    examiner = Examiner(Recognizer(), load_speaker_encoder())
    task = Task("The river was frozen.", "recording", seed=1)
    standard = examiner.standard_of_recording(Reference((SAMPLE / "reference.wav").read_bytes(), TRANSCRIPT), "Hello.")

    take = speak(engine, task.sentence, Reference(b"no audio", TRANSCRIPT), seed=1, nfe_step=1)
    row = examiner.examine(take, task, standard)
    engine.close()

    assert take.error == "audio-undecodable"
    assert (row.failure, row.words, row.speaker, row.audio_seconds) == ("refused", 0.0, 0.0, 0.0)
