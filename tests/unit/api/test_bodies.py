"""What the page at `/docs` fills in can be sent as it stands, but for the files and ids that only its reader has."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.shared.outbound.testing import ScriptedResolver
from tests.unit.api.client import REFERENCE, Client

Body = tuple[str, str, dict[str, Any]]


def bodies(client: Client, content_type: str) -> Iterator[Body]:
    """Method, path and what is said of the body."""
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get(content_type)
            if content is not None:
                yield method, path, content


def filled_in(form: dict[str, Any]) -> dict[str, str]:
    """As Swagger UI does: the first example, else the default, else the least or first value; of files nothing."""
    found = {}
    for name, field in form["properties"].items():
        kind = field.get("anyOf", [field])[0]
        least = kind.get("enum", [kind.get("minimum", "string")])[0]
        value = field.get("examples", [field.get("default", least)])[0]
        found[name] = "" if field.get("format") == "binary" else str(value)
    return found


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    client = make_client(max_wait_seconds=0.01, runsync_seconds=0.01, transcriber="pocketsphinx")
    client.parts.outbound.resolver.answers["example.com"] = [[ScriptedResolver.PUBLIC]]
    client.parts.outbound.pages["https://example.com/voices/anna.wav"] = REFERENCE
    return client


def test_documents_have_examples_that_are_taken(client: Client) -> None:
    asked = list(bodies(client, "application/json"))
    assert len(asked) > 8
    for method, path, content in asked:
        schema = content["schema"]
        example = content.get("example") or schema.get("example") or schema["examples"][0]
        answer = client.request(method.upper(), path.replace("{voice_id}", "sample"), json=example)
        # Nobody speaks it here; nor has a voice of the id that stands in examples, or may make keys without one.
        assert answer.status_code in (200, 202, 403, 404, 504), (path, answer.text)


def test_forms_ask_for_no_more_than_is_needed(client: Client) -> None:
    files = {"voice": REFERENCE, "sample": REFERENCE, "items": b'{"text": "Hello."}'}
    asked = list(bodies(client, "multipart/form-data"))
    assert len(asked) > 4
    for method, path, content in asked:
        form = content["schema"]
        chosen = {name: ("sent", files[name], "text/plain") for name in form["properties"] if name in files}
        texts = {name: (None, value) for name, value in filled_in(form).items()}
        answer = client.request(method.upper(), path, files={**texts, **chosen})
        assert answer.status_code in (201, 202, 504), (path, answer.text)
