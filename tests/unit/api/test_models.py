"""Several models in one installation: each request is for one of them, and its job says which."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from random import Random
from typing import Any

import httpx
import pytest

from f5_tts_core.testing import ToneEngine
from services.api.forms.options import SpeechOptions
from services.api.jobs.estimates import Estimator, Standing
from services.api.jobs.models import Models
from services.shared.job import Job
from services.shared.lane import Lane
from services.shared.pace import workload
from services.shared.ports import WorkerBeat
from services.shared.recall import Recall
from services.shared.testing import make_settings, memory_parts
from services.shared.testing.voices import make_voice
from tests.chance import Chance
from tests.unit.api.client import REFERENCE, SECOND, Client, add_job, obliging, run_job, say, start_job
from tests.unit.api.live import calling, submitted

MakeClient = Callable[..., Client]
ENGINE = ToneEngine().describe()
JSON = {"content-type": "application/json"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def several(*numbers: float, **settings: Any) -> Client:
    """An API for two models; who names none and draws below 0.75 gets the first."""
    parts = memory_parts(**{"models": "base=3,candidate=1,old=0"} | settings)
    return Client(parts, chance=Chance(*numbers))


def job_of(client: Client, answer: httpx.Response) -> Job:
    assert answer.status_code == 202, answer.text
    return client.parts.jobs.get(answer.json()["job_id"])


def store(client: Client, **known: Any) -> str:
    voice = make_voice(client.parts.clock(), owner="anonymous", **known)
    client.parts.voices.add(voice, limit=100)
    return voice.id


# --- which one speaks -------------------------------------------------------------------------------


def test_a_request_goes_to_the_model_that_it_names() -> None:
    client = several()
    answer = client.speak(model="candidate")
    assert answer.json()["model"] == "candidate"
    assert job_of(client, answer).lane == Lane(model="candidate")
    assert client.parts.queue.waiting == [(answer.json()["job_id"], Lane(model="candidate"))]
    assert client.get(f"/jobs/{answer.json()['job_id']}").json()["model"] == "candidate"


def test_one_without_a_share_speaks_where_it_is_named() -> None:
    client = several()
    assert job_of(client, client.speak(model="old")).model == "old"


def test_who_names_none_is_given_one() -> None:
    client = several(0.1, 0.8, 0.7)
    assert [client.speak().json()["model"] for _ in range(3)] == ["base", "candidate", "base"]


def test_the_weights_are_the_shares() -> None:
    models = Models(make_settings(models="base=3,candidate=1,old=0"), Random(7))
    drawn = Counter(models.settle(SpeechOptions()).model for _ in range(4_000))
    assert drawn["old"] == 0
    assert drawn["base"] == pytest.approx(3_000, abs=100)


def test_a_model_that_is_not_there_is_told_so() -> None:
    client = several()
    answer = client.speak(model="tts-1")
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (404, "/problems/model-not-found", "model")
    assert body["accepted"] == "one of base, candidate, old"
    assert client.parts.queue.sent == []


def test_where_there_is_one_it_may_be_named_and_any_worker_speaks(make_client: MakeClient) -> None:
    client = make_client(served_model_name="ours")
    for answer in (client.speak(model="ours"), client.speak()):
        assert answer.json()["model"] == "ours"
        assert job_of(client, answer).model is None
    assert client.speak(model="timbre-tiny").json()["accepted"] == "one of ours"


def test_who_spoke_a_job_of_before_there_were_several_is_not_made_up() -> None:
    client = several()
    job = add_job(client.parts)
    assert client.get(f"/jobs/{job.id}").json()["model"] is None


def test_a_repeated_request_is_the_job_that_it_was() -> None:
    client = several(0.8)
    first, again = (client.speak(headers={"Idempotency-Key": "once"}).json() for _ in range(2))
    assert (first["job_id"], first["model"]) == (again["job_id"], again["model"])
    assert first["model"] == "candidate"


# --- other routes -----------------------------------------------------------------------------------


def test_a_batch_draws_once_and_its_items_may_name_their_own() -> None:
    client = several(0.8)
    items = [{"text": "One."}, {"text": "Two.", "model": "base"}, {"text": "Three.", "model": None}]
    answer = client.post("/batches", json={"voice_id": store(client), "items": items})
    entries = client.parts.batches.entries(answer.json()["batch_id"], 0, 10)
    assert [entry.job.model for entry in entries if entry.job] == ["candidate", "base", "candidate"]


def test_the_results_of_a_batch_tell_which_model_speaks() -> None:
    client = several(0.8)
    items = [{"text": "One."}, {"text": "Two.", "model": "base"}, {"text": "Three."}]
    path = client.post("/batches", json={"voice_id": store(client), "items": items}).headers["location"]
    client.delete(f"/jobs/{client.get(f'{path}/results').json()['results'][2]['job_id']}")
    told = [one["model"] for one in client.get(f"{path}/results").json()["results"]]
    assert told == ["candidate", "base", None]
    lines = client.get(f"{path}/results?format=jsonl").text.splitlines()
    assert [json.loads(line)["model"] for line in lines] == told


def test_of_one_model_its_name_is_told(client: Client) -> None:
    sent = client.post("/batches", json={"voice_id": store(client), "items": [{"text": "One."}]})
    (result,) = client.get(f"{sent.headers['location']}/results").json()["results"]
    assert result["model"] == client.parts.settings.served_model
    assert client.get(f"/jobs/{result['job_id']}").json()["model"] == result["model"]


def test_a_batch_for_one_model() -> None:
    client = several()
    document = {"voice_id": store(client), "model": "old", "items": [{"text": "One."}]}
    assert client.post("/batches", json=document).status_code == 202
    assert client.parts.jobs.get(client.parts.queue.sent[-1]).model == "old"
    refused = client.post("/batches", json=document | {"model": "other"})
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/model-not-found")


def test_a_batch_names_the_items_whose_model_is_not_there() -> None:
    client = several(0.0)
    items = [{"text": "One."}, {"text": "Two.", "model": "other"}]
    answer = client.post("/batches", json={"voice_id": store(client), "items": items})
    errors = [(one["line"], one["type"], one["field"]) for one in answer.json()["errors"]]
    assert errors == [(2, "/problems/model-not-found", "model")]


def test_an_item_in_another_language_has_a_model_that_speaks_it() -> None:
    client = several(0.1, 0.1, engine="f5", models="timbre-tiny=3,F5TTS_v1_Base=1")
    items = [{"text": "One."}, {"text": "你好。", "language": "zh"}, {"text": "Three.", "language": "en"}]
    answer = client.post("/batches", json={"voice_id": store(client), "items": items})
    entries = client.parts.batches.entries(answer.json()["batch_id"], 0, 10)
    assert [entry.job.model for entry in entries if entry.job] == ["timbre-tiny", "F5TTS_v1_Base", "timbre-tiny"]
    named = {"voice_id": store(client), "model": "timbre-tiny", "items": items}
    refused = client.post("/batches", json=named)
    assert [(one["line"], one["field"]) for one in refused.json()["errors"]] == [(2, "language")]


def test_an_items_voice_is_held_to_the_items_model() -> None:
    client = several(engine="f5", models="timbre-tiny=1,F5TTS_v1_Base=1")
    voice = store(client, ref_text="你好，今天天气很好。")
    items = [{"text": "One.", "voice_id": voice}, {"text": "Two.", "voice_id": voice, "model": "F5TTS_v1_Base"}]
    refused = client.post("/batches", json={"model": "timbre-tiny", "items": items})
    assert [(one["line"], one["field"]) for one in refused.json()["errors"]] == [(1, "voice_id")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/run", {"input": {"text": "Ok.", "voice_id": "VOICE", "model": "candidate"}}),
        ("/api/v1/tts/generate", {"text": "Ok.", "voice_id": "VOICE", "model": "candidate"}),
        ("/v1/text-to-speech/VOICE", {"text": "Ok.", "model_id": "candidate"}),
        ("/v1/audio/speech", {"input": "Ok.", "voice": "VOICE", "model": "candidate"}),
    ],
)
def test_other_manners_name_it_too(path: str, body: dict[str, Any]) -> None:
    client = several(max_wait_seconds=0.01)
    voice = store(client)
    client.post(path.replace("VOICE", voice), content=json.dumps(body).replace("VOICE", voice), headers=JSON)
    assert client.parts.jobs.get(client.parts.queue.sent[-1]).model == "candidate"


@pytest.mark.parametrize(
    ("path", "body", "steps"),
    [
        ("/v1/audio/speech", {"input": "Ok.", "voice": "sample", "model": "tts-1-hd"}, 32),
        ("/v1/text-to-speech/sample", {"text": "Ok.", "model_id": "eleven_flash_v2"}, 7),
    ],
)
def test_other_services_names_stand_for_any(path: str, body: dict[str, str], steps: int) -> None:
    client = obliging(several(0.8), run_job)
    client.post(path, json=body)
    job = client.parts.jobs.get(client.parts.queue.sent[-1])
    assert (job.model, job.input.nfe_step) == ("candidate", steps)


def test_openais_list_has_them_all() -> None:
    client = several()
    listed = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert listed == ["base", "candidate", "old", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    assert client.get("/v1/models/old").json()["id"] == "old"
    assert client.get("/v1/models/timbre-tiny").status_code == 404


@pytest.mark.anyio
async def test_a_live_session_has_one_model() -> None:
    client = several(0.8)
    async with calling(client.app, "/tts/live") as socket:
        socket.say(json.dumps({"voice_id": "sample", "format": "pcm"}))
        assert (await socket.message())["event"] == "started"
        socket.say(json.dumps({"text": "The first sentence is this one. ", "flush": True}))
        first = start_job(client.parts, await submitted(client.parts))
        socket.say(json.dumps({"text": "And another one.", "flush": True}))
        second = await submitted(client.parts, 2)
        assert [first.model, second.model] == ["candidate", "candidate"]
        say(client.parts, first, SECOND)


@pytest.mark.anyio
async def test_a_live_session_for_a_model_that_is_not_there_is_refused_at_once() -> None:
    async with calling(several().app, "/tts/live") as socket:
        socket.say(json.dumps({"voice_id": "sample", "model": "other"}))
        said = await socket.message()
    assert said["problem"]["type"] == "/problems/model-not-found"


# --- what is known of each --------------------------------------------------------------------------


def test_each_model_is_asked_for_its_own_languages() -> None:
    client = several(engine="f5", models="timbre-tiny=1,F5TTS_v1_Base=1,ours=1")
    assert client.speak(model="timbre-tiny", language="zh").json()["accepted"] == "en, or left out"
    assert client.speak(model="F5TTS_v1_Base", language="de").json()["accepted"] == "en, zh, or left out"
    for model, language in (("F5TTS_v1_Base", "zh"), ("ours", "de")):
        assert client.speak(model=model, language=language).status_code == 202


def test_one_is_drawn_that_speaks_the_language() -> None:
    client = several(0.1, 0.1, 0.1, engine="f5", models="timbre-tiny=8,F5TTS_v1_Base=1,ours=1")
    assert client.speak(language="zh").json()["model"] == "F5TTS_v1_Base"
    assert client.speak(language="de").json()["model"] == "ours"
    assert client.speak(language="en").json()["model"] == "timbre-tiny"


def test_a_language_that_none_speaks_is_refused_by_the_one_that_was_drawn() -> None:
    client = several(0.1, engine="f5", models="timbre-tiny=1,F5TTS_v1_Base=1")
    assert client.speak(language="de").json()["accepted"] == "en, or left out"


def test_only_what_is_here_is_asked_for_its_letters() -> None:
    client = several(engine="f5", models="timbre-tiny=1,F5TTS_v1_Base=1")
    refused = client.speak(model="timbre-tiny", text="你好")
    assert (refused.status_code, refused.json()["field"]) == (422, "text")
    assert client.speak(model="F5TTS_v1_Base", text="你好").status_code == 202


def test_a_voice_is_stored_for_whichever_model_takes_it() -> None:
    client = several(engine="f5", models="timbre-tiny=1,F5TTS_v1_Base=1")
    files = {"sample": ("voice.wav", REFERENCE, "audio/wav")}
    answer = client.post(
        "/voices", data={"name": "Anna", "ref_text": "你好，今天天气很好。", "consent": "Anna agreed."}, files=files
    )
    assert answer.status_code == 201, answer.text
    spoken = {"text": (None, "Ok."), "voice_id": (None, answer.json()["voice_id"])}
    refused = client.post("/tts", files={**spoken, "model": (None, "timbre-tiny")})
    assert (refused.status_code, refused.json()["field"]) == (422, "voice_id")
    assert client.post("/tts", files={**spoken, "model": (None, "F5TTS_v1_Base")}).status_code == 202


# --- workers ----------------------------------------------------------------------------------------


def announce(client: Client, model: str, slots: int = 1, **engine: str) -> None:
    info = asdict(replace(ENGINE, **engine)) | {"served_model": model}
    client.parts.workers.announce(WorkerBeat(f"worker-{model}", info, client.parts.clock(), slots), 3_600.0)


def test_what_a_model_spoke_is_answered_again_for_that_model_alone() -> None:
    client = several()
    announce(client, "base")
    announce(client, "candidate", fingerprint="of-another")
    job = job_of(client, client.speak(seed="7", model="base"))
    assert Recall(client.parts).find_or_lead(job, ENGINE, pytest.fail) is None
    run_job(client.parts, job)
    assert client.speak(seed="7", model="base").json()["status"] == "succeeded"
    assert client.speak(seed="7", model="candidate").json()["status"] == "queued"


def test_estimates_are_by_those_who_hold_the_model() -> None:
    client = several()
    announce(client, "base", slots=2)
    announce(client, "candidate")
    jobs = [add_job(client.parts, model=model) for model in ("base", "base", "base", "candidate", "old")]
    client.parts.pace.note(4.0, workload(jobs[0].input))
    standings = Estimator(client.parts).standings(jobs)
    assert standings[:4] == [Standing(0, 4.0), Standing(1, 4.0), Standing(2, 6.0), Standing(0, 4.0)]
    assert standings[4] == Standing(0, None)


def test_the_service_is_degraded_while_nobody_holds_one_of_them() -> None:
    client = several()
    for model, status in (("base", "degraded"), ("old", "degraded"), ("candidate", "ok")):
        announce(client, model)
        assert client.get("/health/detailed").json()["status"] == status


def test_what_waits_for_any_of_them_is_counted() -> None:
    client = several()
    for model in ("base", "candidate"):
        client.speak(model=model)
    assert client.get("/health/detailed").json()["queue_depth"] == 2


def test_a_worker_of_an_older_release_is_known_by_its_models_name() -> None:
    beat = WorkerBeat("worker-1", {"model": "base"}, 0.0)
    assert beat.serves("base")
    assert beat.serves(None)
    assert not beat.serves("candidate")
