"""Our own client, and the command line on it, against a served API with a worker."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from f5_tts_core.audio import decode
from services.shared.job import JobStatus
from services.shared.servers import wait_until_answers
from services.shared.signing import new_secret
from tests.served import Served
from tests.unit.api.client import ALICE, REFERENCE, REFERENCE_TEXT
from timbre_client import AsyncTimbre, JobTimeout, Timbre

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "me.wav"
    path.write_bytes(REFERENCE)
    return path


def test_the_first_call_of_a_newcomer(served: Served, reference: Path, tmp_path: Path) -> None:
    with Timbre(served.url, ALICE) as client:
        audio = client.tts.speak("Hello there.", voice=reference, ref_text=REFERENCE_TEXT, format="flac")
        path = audio.save(tmp_path / "hello.flac")
    assert decode(path.read_bytes()).seconds == pytest.approx(audio.output.duration_s, abs=0.1)


def test_the_asynchronous_client_speaks_several_at_once(served: Served) -> None:
    async def speak(client: AsyncTimbre, text: str, spoken: dict[str, bytes]) -> None:
        async with await client.tts.speak(text, voice=REFERENCE, ref_text=REFERENCE_TEXT) as audio:
            spoken[text] = await audio.read()

    async def speak_all(*texts: str) -> dict[str, bytes]:
        spoken: dict[str, bytes] = {}
        async with AsyncTimbre(served.url, ALICE) as client, anyio.create_task_group() as tasks:
            for text in texts:
                tasks.start_soon(speak, client, text, spoken)
        return spoken

    spoken = anyio.run(speak_all, "One.", "Two and three.", "Four, five and six.")
    assert len({len(audio) for audio in spoken.values()}) == 3


def test_events_come_while_the_job_is_under_way(served: Served) -> None:
    served.working.clear()
    with Timbre(served.url, ALICE) as client:
        job = client.tts.create("Hello there.", voice=REFERENCE, ref_text=REFERENCE_TEXT)
        names = []
        for event in client.jobs.events(job):
            names.append(event.name)
            served.working.set()
        assert (names[0], names[-1]) == ("snapshot", "end")
        assert event.state.status == "succeeded"


def test_speech_is_heard_while_it_is_spoken(served: Served) -> None:
    asked = {"voice": REFERENCE, "ref_text": REFERENCE_TEXT, "format": "pcm"}
    with Timbre(served.url, ALICE) as client, client.tts.stream("Hello there.", **asked) as speech:
        heard = b"".join(speech)
        # Who has heard it all may ask before the job has ended.
        ended = client.jobs.wait(speech.job_id, timeout=30)
        assert client.jobs.audio(ended).read() == heard

    async def hear() -> None:
        async with AsyncTimbre(served.url, ALICE) as client, await client.tts.stream("Hello.", **asked) as speech:
            async for _ in speech:
                return

    anyio.run(hear)


def test_a_batch_is_spoken(served: Served) -> None:
    with Timbre(served.url, ALICE) as client:
        batch = client.batches.create(["One.", "Two and three."], voice=REFERENCE, ref_text=REFERENCE_TEXT)
        assert client.batches.wait(batch, timeout=30).counts.succeeded == 2
        results = list(client.batches.results(batch))
        assert all(client.jobs.audio(result.job_id).read() for result in results)


def test_who_gives_up_stops_the_work(served: Served) -> None:
    served.working.clear()
    with Timbre(served.url, ALICE) as client, pytest.raises(JobTimeout) as late:
        client.tts.speak("Hello there.", voice=REFERENCE, ref_text=REFERENCE_TEXT, timeout=0.2)

    def stopped() -> None:
        assert served.parts.jobs.get(late.value.job.job_id).status is JobStatus.CANCELED

    wait_until_answers(stopped)


def test_the_guide_s_snippets_run_one_after_the_other(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "client.md").read_text()
    program = "".join(re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    (tmp_path / "f5_tts_core").symlink_to(ROOT / "f5_tts_core")
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    with closing(Served(webhook_secret=new_secret()).start()) as served:
        argv = [sys.executable, "-c", program.replace("http://127.0.0.1:8000", served.url)]
        answer = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "speed `speed`: Input should be less than or equal to 2" in answer.stdout
    for name in ("live", "queue", "ch-1", "ch-2", "sam", "0", "1", "2", "httpx"):
        assert (tmp_path / f"{name}.wav").read_bytes().startswith(b"RIFF")


def timbre(served: Served, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.defpath, "NO_COLOR": "1", "COLUMNS": "200", "TIMBRE_URL": served.url, "TIMBRE_API_KEY": ALICE}
    argv = [sys.executable, "-m", "services.cli.main", *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_keeps_voices_and_speaks_with_them(served: Served, reference: Path, tmp_path: Path) -> None:
    sample = ("--sample", str(reference), "--ref-text", REFERENCE_TEXT)
    added = timbre(served, "voices", "add", "Sam", *sample, "--consent", "Mine.", "--label", "mood=calm")
    assert added.stdout.startswith("Sam is stored, as "), added.stderr
    assert "Sam" in timbre(served, "voices", "list").stdout
    assert "mood=calm" in timbre(served, "voices", "show", "sam").stdout
    refused = timbre(served, "say", "Hello.", "--voice", "Sam", "--model", "another")
    assert (refused.returncode, refused.stderr.splitlines()[-1]) == (1, "Accepted: one of timbre-tiny.")
    said = timbre(served, "say", "Hello.", "--voice", "Sam", "--output", str(tmp_path / "out" / "sam.mp3"), "--json")
    job = json.loads(said.stdout)
    assert Path(job["file"]).read_bytes().startswith(b"ID3")
    assert job["input"]["voice_id"] in added.stdout
    (tmp_path / "chapter.txt").write_text("[Sam] It was late. " * 300)
    read = timbre(served, "say", "-f", str(tmp_path / "chapter.txt"), "--dialogue", "--output", job["file"], "--json")
    chapter = json.loads(read.stdout)["input"]
    assert (chapter["characters"], [speaker["mark"] for speaker in chapter["speakers"]]) == (5_700, ["Sam"])
    deleted = timbre(served, "voices", "delete", "Sam", "--with-jobs")
    assert deleted.stdout == "Sam is deleted.\n"
    assert timbre(served, "jobs", "list").stdout == "No jobs.\n"
    bundled = timbre(served, "say", "Hello.", "--voice", "sample", "--output", job["file"], "--json")
    assert json.loads(bundled.stdout)["input"]["voice_id"] is None, bundled.stderr


def test_the_command_line_shows_cancels_and_deletes_jobs(served: Served) -> None:
    served.working.clear()
    ids = []
    with Timbre(served.url, ALICE) as client:
        for text in ("Text 0.", "Text 1."):
            ids.append(client.tts.create(text, voice=REFERENCE, ref_text=REFERENCE_TEXT).job_id)
            served.parts.clock.advance(1)
    listed = timbre(served, "jobs", "list", "--limit", "1")
    assert ids[1] in listed.stdout
    assert "More: timbre jobs list --cursor" in listed.stderr
    assert "Text 0." in timbre(served, "jobs", "show", ids[0]).stdout
    assert timbre(served, "jobs", "cancel", ids[0]).stdout == f"{ids[0]} is canceled.\n"
    assert timbre(served, "jobs", "delete", ids[0]).stdout == f"{ids[0]} is deleted.\n"
    gone = timbre(served, "jobs", "show", ids[0], "--json")
    assert (gone.returncode, gone.stderr) == (1, "error: You have no job of this id.\n")
