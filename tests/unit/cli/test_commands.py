"""The commands as a user types them."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli import record
from services.cli.checks import device_finding
from services.cli.home import Home
from services.cli.processes import ProcessRef
from services.cli.record import PartRecord, StackRecord


def timbre(home: Home, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.defpath, "TIMBRE_HOME": str(home.path), "NO_COLOR": "1", "COLUMNS": "200", **environ}
    argv = [sys.executable, "-m", "services.cli.main", *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_key_is_shown_with_the_hash_that_the_server_takes(home: Home) -> None:
    key, entry = timbre(home, "keys", "new", "anna").stdout.splitlines()
    assert entry == f"API_KEYS=anna={hashlib.sha256(key.encode()).hexdigest()}"
    assert len(key) > 40


@pytest.mark.parametrize("name", ["a,b", "a=b", "", "x" * 65, "anonymous"])
def test_a_key_needs_a_name_that_the_server_takes(home: Home, name: str) -> None:
    answer = timbre(home, "keys", "new", name)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert "Traceback" not in answer.stderr


def test_where_nothing_runs_it_says_what_to_do(home: Home, tmp_path: Path) -> None:
    reference = tmp_path / "me.wav"
    reference.touch()
    for words in (("say", "hi", "--reference", str(reference)), ("jobs", "list"), ("voices", "list")):
        answer = timbre(home, *words)
        assert answer.returncode == 1
        assert answer.stderr.splitlines()[0] == "error: Nothing is running here."
        assert "timbre up" in answer.stderr


def test_status_and_down_where_nothing_runs(home: Home) -> None:
    status = timbre(home, "status")
    assert (status.returncode, status.stdout.strip()) == (1, "Nothing is running here.")
    assert json.loads(timbre(home, "status", "--json").stdout) == {"phase": "stopped"}
    assert timbre(home, "down").returncode == 0


def test_json_is_never_colored(home: Home) -> None:
    answer = timbre(home, "status", "--json", FORCE_COLOR="1", NO_COLOR="")
    assert json.loads(answer.stdout) == {"phase": "stopped"}


def test_down_ends_what_a_killed_supervisor_left_behind(home: Home) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as orphan:
        part = PartRecord("worker", "ready", process=ProcessRef.of(orphan.pid))
        record.save(home, StackRecord("ready", ProcessRef(2**22, 1.0), "http://127.0.0.1:1", parts=(part,)))
        answer = timbre(home, "down")
        assert orphan.wait(timeout=10) != 0
    assert answer.stdout.strip() == "Stopped, with 1 process that was left over."
    assert record.load(home) is None


def test_up_refuses_wrong_settings_by_name(home: Home) -> None:
    for words in (("up",), ("up", "--detach")):
        answer = timbre(home, *words, CFG_STRENGTH="99")
        assert answer.returncode == 1
        assert "CFG_STRENGTH" in answer.stderr
        assert "error: error:" not in answer.stderr


def test_up_refuses_servers_that_do_not_answer(home: Home) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        answer = timbre(home, "up", REDIS_URL=url)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: REDIS_URL: the server does not answer")


def test_status_of_a_stack_with_a_part_away(home: Home) -> None:
    parts = (PartRecord("api", "ready"), PartRecord("worker", "restarting", restarts=1))
    record.save(home, StackRecord("ready", ProcessRef.of(os.getpid()), "http://127.0.0.1:1", parts=parts))
    answer = timbre(home, "status")
    assert answer.returncode == 1
    assert "not whole" in answer.stdout


def test_a_second_up_says_that_one_runs(home: Home) -> None:
    me = ProcessRef.of(os.getpid())
    record.save(home, StackRecord("ready", me, "http://127.0.0.1:1"))
    answer = timbre(home, "up", "--detach")
    assert answer.returncode == 1
    assert "already running" in answer.stderr


def test_doctor_tells_what_is_wrong_and_what_to_do(home: Home) -> None:
    answer = timbre(home, "doctor", "--json", MODEL_NAME="F5TTS_v1_Base", HF_CACHE_DIR=str(home.path), DEVICE="cpu")
    findings = {finding["name"]: finding for finding in json.loads(answer.stdout)}
    assert answer.returncode == 1
    assert findings["model"]["mark"] == "wrong"
    assert "CKPT_PATH" in findings["model"]["said"]
    assert findings["device"]["mark"] == "ok"
    assert findings["device"]["said"].startswith("cpu in ")


def test_doctor_is_content_with_the_defaults(home: Home) -> None:
    answer = timbre(home, "doctor", DEVICE="cpu")
    assert answer.returncode == 0, answer.stdout
    assert "timbre-tiny" in answer.stdout


@pytest.mark.parametrize(
    ("name", "compiler", "mark"), [("NVIDIA L4", None, "note"), ("NVIDIA L4", "gcc", "ok"), ("", None, "ok")]
)
def test_doctor_tells_when_a_gpu_has_no_compiler_for_its_kernels(name: str, compiler: str | None, mark: str) -> None:
    found = {"device": "cuda", "name": name, "devices": ["cuda"], "torch": "2.13.0", "precision": "bf16"}
    finding = device_finding(found, compiler)
    assert finding.mark == mark
    assert ("gcc" in finding.remedy) == (mark == "note")


def test_doctor_survives_settings_it_cannot_read(home: Home) -> None:
    answer = timbre(home, "doctor", SPEED="fast")
    assert answer.returncode == 1
    assert "SPEED" in answer.stdout


def test_the_command_line_never_reaches_torch() -> None:
    script = "import sys, services.cli.main; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_version_and_help(home: Home) -> None:
    assert timbre(home, "--version").stdout.startswith("timbre 0.")
    said = timbre(home, "--help").stdout
    for command in ("up", "down", "status", "say", "jobs", "voices", "doctor", "keys", "settings"):
        assert command in said
