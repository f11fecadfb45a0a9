"""What a newcomer gets: `make demo`, and the first things one does next."""

import json
from pathlib import Path

import httpx
import numpy as np
import soundfile

from .conftest import Demo

SAMPLE = "f5_tts_core/assets/sample"


def say(demo: Demo, *more: str) -> dict[str, object]:
    words = (Path(demo.place.path) / SAMPLE / "reference.txt").read_text().strip()
    answer = demo.place.timbre(
        "say", "Good morning.", "--reference", f"{SAMPLE}/reference.wav", "--ref-text", words, "--json", *more
    )
    assert answer.returncode == 0, answer.stderr
    job: dict[str, object] = json.loads(answer.stdout)
    return job


def assert_speech(path: Path, seconds: float) -> None:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 24_000
    assert samples.shape[1] == 1
    assert len(samples) > seconds * rate
    assert np.isfinite(samples).all()
    assert np.sqrt(np.mean(samples**2)) > 0.01, "it is silent"


def test_the_demo_speaks_into_a_file(demo: Demo) -> None:
    assert_speech(demo.place.path / "out" / "demo.wav", seconds=2.0)


def test_the_demo_ends_with_where_to_listen_and_read(demo: Demo) -> None:
    last = demo.said.strip().splitlines()[-1]
    assert f"file://{demo.place.path}/out/demo.wav" in last
    assert f"{demo.api_url}/docs" in last
    assert httpx.get(f"{demo.api_url}/docs").is_success


def test_all_parts_are_ready(demo: Demo) -> None:
    stack = demo.place.status()
    assert stack["phase"] == "ready"
    assert {part["name"]: part["state"] for part in stack["parts"]} == dict.fromkeys(
        ("valkey", "seaweedfs", "control", "worker", "api"), "ready"
    )


def test_a_job_is_listed_shown_and_deleted(demo: Demo) -> None:
    job_id = str(say(demo, "--output", "listed.flac", "--seed", "7")["job_id"])
    assert_speech(demo.place.path / "listed.flac", seconds=0.3)
    assert job_id in demo.place.timbre("jobs", "list", "--status", "succeeded").stdout
    shown = demo.place.timbre("jobs", "show", job_id).stdout
    assert "Good morning." in shown
    url = json.loads(demo.place.timbre("jobs", "show", job_id, "--json").stdout)["result_url"]
    assert httpx.get(url).is_success
    assert demo.place.timbre("jobs", "delete", job_id).returncode == 0
    gone = demo.place.timbre("jobs", "show", job_id)
    assert gone.returncode == 1
    assert gone.stderr.startswith("error: ")
    assert httpx.get(url).status_code == 404


def test_a_voice_is_stored_spoken_with_and_deleted(demo: Demo) -> None:
    words = (Path(demo.place.path) / SAMPLE / "reference.txt").read_text().strip()
    consent = ("--consent", "It is a synthetic voice.", "--label", "mood=calm")
    added = demo.place.timbre(
        "voices", "add", "Anna B.", "--sample", f"{SAMPLE}/reference.wav", "--ref-text", words, *consent, "--json"
    )
    assert added.returncode == 0, added.stderr
    voice = json.loads(added.stdout)
    assert (voice["labels"], voice["report"]["transcript_fit"]) == ({"mood": "calm"}, "plausible")
    assert "Anna B." in demo.place.timbre("voices", "list").stdout
    spoken = []
    for name in ("anna b.", voice["voice_id"]):
        said = demo.place.timbre("say", "Good morning.", "--voice", name, "--output", "anna.wav", "--json")
        assert said.returncode == 0, said.stderr
        spoken.append(json.loads(said.stdout))
    assert_speech(demo.place.path / "anna.wav", seconds=0.3)
    assert words in demo.place.timbre("voices", "show", "Anna B.").stdout
    assert demo.place.timbre("voices", "delete", "Anna B.", "--with-jobs").returncode == 0
    assert demo.place.timbre("jobs", "show", spoken[0]["job_id"]).returncode == 1
    gone = demo.place.timbre("say", "hi", "--voice", "Anna B.")
    assert (gone.returncode, gone.stderr.splitlines()[0]) == (1, "error: You have no voice `Anna B.`.")


def test_bad_audio_is_one_line(demo: Demo) -> None:
    (demo.place.path / "noise.wav").write_bytes(b"not audio at all")
    answer = demo.place.timbre("say", "hi", "--reference", "noise.wav", "--ref-text", "hi")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert "Traceback" not in answer.stderr


def test_doctor_finds_it_well(demo: Demo) -> None:
    answer = demo.place.timbre("doctor")
    assert answer.returncode == 0, answer.stdout
    assert "all 5 parts are ready" in answer.stdout


def test_texts_and_passwords_are_in_no_log(demo: Demo) -> None:
    say(demo, "--output", "logged.wav")
    home = Path(demo.place.env["TIMBRE_HOME"])
    log = (home / "logs" / "timbre.log").read_text()
    secrets = json.loads((home / "secrets.json").read_text())
    assert "Good morning" not in log
    assert not [name for name, value in secrets.items() if name != "s3_access_key" and value in log]
