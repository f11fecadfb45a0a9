"""The API held to its own OpenAPI document: every route asked what the document allows, and what it does not.

Whatever is asked, nothing fails, and each answer's status, content type and body are documented.
The events' WebSocket alone is left out: OpenAPI has no words for it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import CoveragePhaseConfig, GenerationConfig, PhasesConfig, ProjectConfig, ProjectsConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.api.app import create_app
from services.shared.api_key import stored_id
from services.shared.batch import new_batch
from services.shared.job import JobStatus, new_id
from services.shared.news import Mailbox
from services.shared.parts import Parts
from services.shared.testing import ManualClock, make_job, memory_parts
from services.shared.testing.voices import make_voice
from tests.unit.api.client import REFERENCE, add_job, bearer, run_job, store_key

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: What would lead elsewhere than to a voice that exists.
UNREACHABLE: Final = (
    *("voice", "upload_id", "voice_url", "prompt_speech_url"),
    *("webhook_url", "batch_webhook_url", "webhook", "ref_text"),
)


class PromptEvents:
    """Job events beside a worker that needs no time: who listens to a queued job hears its end, so no request waits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Mailbox]:
        with self._parts.events.listen(job_id) as mailbox:
            job = self._parts.jobs.get(job_id)
            if job.status is JobStatus.QUEUED:
                run_job(self._parts, job)
            yield mailbox

    async def close(self) -> None:
        await self._parts.events.close()


class World:
    """An API that knows Alice."""

    def __init__(self) -> None:
        self.parts = memory_parts(clock=ManualClock(), require_auth=True, tenant_requests_per_minute=0)
        self.app = create_app(replace(self.parts, events=PromptEvents(self.parts)), cancel_wait_seconds=0.0)
        self.key = store_key(self.parts, "alice", "*")

    def furnish(self) -> dict[str, str]:
        """What paths may name, new at each call: a key of Bob's, and all else Alice's."""
        now = self.parts.clock()
        job = run_job(self.parts, add_job(self.parts, owner="alice", webhook_url="https://a.example/hook"))
        voice = make_voice(now, owner="alice")
        batch = new_batch(new_id(now), "alice", now, 1, "https://a.example/hook")
        self.parts.blobs.blobs[voice.sample.key] = (REFERENCE, "audio/wav")
        self.parts.voices.add(voice, limit=sys.maxsize)
        self.parts.batches.add(batch, [make_job(owner="alice", batch_id=batch.id)])
        return {
            "job_id": job.id,
            "tts_id": job.id,
            "batch_id": batch.id,
            "voice_id": voice.id,
            "key_id": stored_id(store_key(self.parts, "bob")) or "",
            "model": "tts-1",
            "slug": "audio-silent",
        }

    def ask(self, case: schemathesis.Case) -> None:
        """Raises where the answer is not one that is documented."""
        case.call_and_validate(
            headers=bearer(self.key), checks=CHECKS, excluded_checks=_unfit_for(case), allow_redirects=False
        )


WORLD: Final = World()


def document(examples: int, *modes: GenerationMode, bounds: bool) -> schemathesis.BaseSchema:
    """What the API says of itself, to be asked so many times a route, and at each of its bounds. Always the same."""
    project = ProjectConfig(
        generation=GenerationConfig(modes=list(modes), max_examples=examples, deterministic=True, database="none"),
        phases=PhasesConfig(coverage=CoveragePhaseConfig(enabled=bounds)),
    )
    config = schemathesis.Config(projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_asgi("/openapi.json", WORLD.app, config=config)


@document(10, *GenerationMode, bounds=True).parametrize()
def test_whatever_is_asked_has_a_documented_answer(case: schemathesis.Case) -> None:
    WORLD.ask(case)


@document(8, GenerationMode.POSITIVE, bounds=False).parametrize()
def test_what_is_asked_of_things_that_exist_has_a_documented_answer(case: schemathesis.Case) -> None:
    ids = WORLD.furnish()
    case.path_parameters = {name: ids[name] for name in case.path_parameters}
    _aim(case.body, ids["voice_id"])
    WORLD.ask(case)


def _unfit_for(case: schemathesis.Case) -> list[Any]:
    """OpenAPI 3.1 knows a stream of events as one text; the check takes that text's schema for each event's."""
    return [response_schema_conformance] if case.operation.path.endswith("/events") else []


def _aim(body: Any, voice_id: str) -> None:
    """Lets a request for speech name a voice that exists and no addresses, and one for a voice bring a recording."""
    if not isinstance(body, dict):
        return
    _aim(body.get("input"), voice_id)
    if "sample" in body:
        body["sample"] = REFERENCE
        body.pop("labels", None)
    elif "text" in body or "items" in body or "model" in body:
        for name in UNREACHABLE:
            body.pop(name, None)
        body["voice" if "model" in body else "voice_id"] = voice_id
