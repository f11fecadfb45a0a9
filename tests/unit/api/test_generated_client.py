"""A client that a generator makes of our OpenAPI document: all of it imports, and it has a text spoken."""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from io import BytesIO
from types import ModuleType
from typing import Any, Final

import anyio
import httpx
import openapi_python_client
import pytest
from openapi_python_client.config import Config, ConfigFile, MetaType

from services.shared.testing import memory_parts
from services.shared.testing.voices import make_voice
from tests.unit.api.client import KEYS, REFERENCE, REFERENCE_TEXT, Client, bearer, obliging, run_job

NAME: Final = "generated_timbre"
AUDIO: Final = ("wav", "flac", "mpeg", "ogg", "aac", "pcm")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package, as its generator writes it, told as in docs/api.md that audio is bytes."""
    folder = tmp_path_factory.mktemp("generated")
    document = folder / "openapi.json"
    document.write_text(json.dumps(Client(memory_parts()).app.openapi()))
    told = ConfigFile(
        content_type_overrides={f"audio/{one}": "application/octet-stream" for one in AUDIO}, post_hooks=[]
    )
    config = Config.from_sources(told, MetaType.NONE, document, "utf-8", overwrite=False, output_path=folder / NAME)
    problems = openapi_python_client.generate(config=config)
    assert [f"{problem.header} {problem.detail}" for problem in problems] == []
    sys.path.insert(0, str(folder))
    yield importlib.import_module(NAME)
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture
def client() -> Client:
    return obliging(Client(memory_parts(api_keys=KEYS)), run_job, looks=2)


def connected(generated: ModuleType, client: Client) -> Any:
    """A client of theirs that speaks to the application, as Alice."""
    theirs = generated.AuthenticatedClient(base_url="http://timbre.test", token="alice-key")
    http = httpx.AsyncClient(transport=httpx.ASGITransport(client.app), base_url="http://timbre.test")
    http.headers.update(bearer("alice-key"))
    return theirs.set_async_httpx_client(http)


def call(generated: ModuleType, client: Client, path: str, **arguments: Any) -> Any:
    """What one of its functions answers."""
    function = importlib.import_module(f"{NAME}.api.{path}").asyncio_detailed

    async def ask() -> Any:
        return await function(client=connected(generated, client), **arguments)

    return anyio.run(ask)


def speech(generated: ModuleType, **fields: Any) -> Any:
    types, models = (importlib.import_module(f"{NAME}.{name}") for name in ("types", "models"))
    voice = types.File(payload=BytesIO(REFERENCE), file_name="voice.wav", mime_type="audio/wav")
    return models.SpeakSpeechForm(text="Hello there.", voice=voice, ref_text=REFERENCE_TEXT, **fields)


def test_every_module_imports(generated: ModuleType) -> None:
    modules = [one.name for one in pkgutil.walk_packages(generated.__path__, f"{NAME}.")]
    assert len(modules) > 100
    for name in modules:
        importlib.import_module(name)


def test_a_job_is_submitted_and_polled_until_it_has_audio(generated: ModuleType, client: Client) -> None:
    submitted = call(generated, client, "speech.speak", body=speech(generated, speed=1.5))
    assert (submitted.status_code, submitted.parsed.status) == (202, "queued")
    jobs = [call(generated, client, "jobs.read_job", job_id=submitted.parsed.job_id).parsed for _ in range(2)]
    assert [job.status for job in jobs] == ["queued", "succeeded"]
    assert (jobs[1].input_.speed, jobs[1].output.duration_s, jobs[1].language) == (1.5, 1.5, "en")
    assert jobs[1].result_url.startswith("http")


def test_who_waits_is_given_the_audio(generated: ModuleType, client: Client) -> None:
    mode = importlib.import_module(f"{NAME}.models").SpeakSpeechFormModeType0
    answer = call(generated, client, "speech.speak", body=speech(generated, mode=mode.SYNC))
    assert (answer.status_code, answer.parsed.payload.read()) == (200, b"RIFF-audio")


def test_a_refusal_is_a_problem(generated: ModuleType, client: Client) -> None:
    answer = call(generated, client, "speech.speak", body=speech(generated, speed=9.0))
    assert (answer.status_code, answer.parsed.type_, answer.parsed.field) == (
        422,
        "/problems/field-invalid",
        "speed",
    )


def test_bodies_of_either_type_are_sent(generated: ModuleType, client: Client) -> None:
    models = importlib.import_module(f"{NAME}.models")
    voice = make_voice(client.parts.clock(), owner="alice")
    client.parts.voices.add(voice, limit=9)
    spoken = models.GenerateJsonSpokenText(text="Hello there.", voice_id=voice.id)
    assert call(generated, client, "generations.generate", body=spoken).parsed.status == "pending"
    item = models.SubmitBatchJsonBatchDocumentBatchItem(text="One.", custom_id="first")
    batch = models.SubmitBatchJsonBatchDocument(items=[item], voice_id=voice.id)
    assert call(generated, client, "batches.submit_batch", body=batch).parsed.counts.total == 1
