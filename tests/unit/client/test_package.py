"""What the package is made of, and whether it knows all that the API has."""

import ast
import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import fields
from inspect import iscoroutinefunction
from pathlib import Path

import anyio
import httpx
import pytest
from pydantic import BaseModel

import timbre_client
from services.api.forms.batch import BatchItem
from services.api.forms.speech import SharedFields, SpeechForm
from services.api.forms.voice import VoiceChange
from services.api.routes.uploads import UploadView
from services.api.routes.webhook_secret import WebhookSecretView
from services.api.views import batch as batch_views
from services.api.views import job as job_views
from services.api.views import voice as voice_views
from services.api.views import webhook as webhook_views
from timbre_client import AsyncTimbre, Timbre, Upload, WebhookSecret, batch, batches, job, tts, voice, voices
from timbre_client.blocking import Blocking, iterate, run

ROOT = Path(timbre_client.__file__).parents[1]
SOURCES = sorted(Path(timbre_client.__file__).parent.glob("*.py"))


def roots(source: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


def test_it_stands_on_httpx_alone() -> None:
    rest = [source for source in SOURCES if source.name != "wire.py"]
    assert set().union(*map(roots, rest)) - sys.stdlib_module_names == {"httpx", "timbre_client"}


def test_what_only_live_speech_needs_is_asked_for_then() -> None:
    program = """
import sys, timbre_client
assert 'websockets' not in sys.modules
sys.modules['websockets'] = None
list(timbre_client.Timbre('http://t.test').tts.live(['Hello.'], voice_id='sample'))
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "ConfigurationError: To speak live, install `websockets`, or `timbre[live]`." in ended.stderr


def test_it_is_typed() -> None:
    assert SOURCES[0].with_name("py.typed").exists()


def test_both_clients_have_the_same_calls() -> None:
    waiting, awaited = Timbre(), AsyncTimbre()
    for name in ("tts", "jobs", "batches", "voices", "uploads", "webhook_secret"):
        blocking, inner = getattr(waiting, name), getattr(awaited, name)
        calls = {call for call in dir(inner) if not call.startswith("_")}
        assert calls == {call for call in dir(blocking) if not call.startswith("_")}
        for call in calls:
            assert not iscoroutinefunction(getattr(blocking, call))
            assert getattr(blocking, call).__doc__ == getattr(inner, call).__doc__


def test_every_field_of_the_speech_form_is_an_option() -> None:
    by_themselves = {"text", "voice_id", "mode"}  # the mode is the client's own business
    assert set(tts.SpeechOptions.__annotations__) == set(SpeechForm.model_fields) - by_themselves
    assert set(batches.BatchItem.__annotations__) == set(BatchItem.model_fields)
    assert set(tts.SharedOptions.__annotations__) == set(SharedFields.model_fields) - {"voice_id"}
    assert set(voices.VoiceChange.__annotations__) == set(VoiceChange.model_fields)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (job.Job, job_views.JobView),
        (job.JobState, job_views.JobState),
        (job.JobInput, job_views.JobInputView),
        (job.JobSpeaker, job_views.SpeakerView),
        (job.JobOutput, job_views.JobOutputView),
        (job.JobFault, job_views.JobErrorView),
        (job.JobWebhook, webhook_views.WebhookView),
        (batch.Batch, batch_views.BatchView),
        (batch.BatchCounts, batch_views.BatchCounts),
        (batch.BatchResult, batch_views.BatchResult),
        (Upload, UploadView),
        (WebhookSecret, WebhookSecretView),
        (voice.Voice, voice_views.VoiceView),
        (voice.Sample, voice_views.SampleView),
        (voice.Consent, voice_views.ConsentView),
        (voice.Report, voice_views.ReportView),
    ],
)
def test_every_field_of_an_answer_is_known(ours: type, theirs: type[BaseModel]) -> None:
    known = {field.name for field in fields(ours)} - {"raw"}  # type: ignore[arg-type]
    assert known == set(theirs.model_fields) - {"urls"}


def test_a_blocking_call_that_would_wait_for_something_else_says_so() -> None:
    with pytest.raises(RuntimeError, match="suspended"):
        run(asyncio.sleep(0))


def test_what_is_not_read_to_the_end_is_let_go_of() -> None:
    closed: list[bool] = []

    async def count() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    items = iterate(count())
    assert next(items) == 1
    items.close()  # type: ignore[attr-defined]  # a generator, as all of Python's own are
    assert closed == [True]


def test_a_blocking_client_works_inside_an_event_loop() -> None:
    async def ask() -> str:
        with Timbre("http://t.test", transport=httpx.MockTransport(lambda _: httpx.Response(404))) as client:
            try:
                client.jobs.get("j1")
            except timbre_client.NotFoundError as error:
                return str(error)
        return ""

    assert anyio.run(ask) == "The server answered 404 Not Found."


def test_the_line_is_closed_with_the_client() -> None:
    with Timbre("http://t.test") as client:
        assert isinstance(client.jobs, Blocking)
    with pytest.raises(RuntimeError, match="closed"):
        client.jobs.get("j1")
