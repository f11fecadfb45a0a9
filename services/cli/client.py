"""The API as the commands see it. Every way it can go wrong becomes one line of plain words."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from services.cli import record
from services.cli.errors import Away, CliError
from services.cli.home import Home

URL_VARIABLE = "TIMBRE_URL"
KEY_VARIABLE = "TIMBRE_API_KEY"
TIMEOUT = httpx.Timeout(30.0, connect=5.0)

#: A job and a voice as the API shows them.
Job = dict[str, Any]
Voice = dict[str, Any]


@dataclass(frozen=True)
class Address:
    url: str
    api_key: str | None = None


def find_address(environ: Mapping[str, str] | None = None) -> Address:
    """`TIMBRE_URL`, else the stack of this home. Raises `CliError` where nothing runs."""
    environ = os.environ if environ is None else environ
    key = environ.get(KEY_VARIABLE) or None
    if url := environ.get(URL_VARIABLE):
        return Address(url.rstrip("/"), key)
    stack = record.running(Home.find(environ))
    if stack is None:
        raise CliError(
            "Nothing is running here.", hint=f"Start it with `timbre up`, or name a server in {URL_VARIABLE}."
        )
    return Address(stack.api_url, key)


class ApiClient:
    """Speaks the native routes. `transport` is a test's."""

    def __init__(self, address: Address, *, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {address.api_key}"} if address.api_key else {}
        self._http = httpx.Client(base_url=address.url, headers=headers, timeout=TIMEOUT, transport=transport)
        # Signed URLs lead elsewhere: our key is not for that host.
        self._bare = httpx.Client(timeout=TIMEOUT, transport=transport, follow_redirects=True)

    def close(self) -> None:
        self._http.close()
        self._bare.close()

    def submit(self, fields: Mapping[str, str], reference: Path | None) -> Job:
        """Without `reference`, the fields name a stored voice."""
        return self._form("/tts", fields, {} if reference is None else {"voice": reference})

    def job(self, job_id: str) -> Job:
        return self._json("GET", f"/jobs/{job_id}")

    def jobs(self, *, limit: int, status: str | None = None, cursor: str | None = None) -> dict[str, Any]:
        return self._page("/jobs", limit=str(limit), status=status, cursor=cursor)

    def cancel(self, job_id: str) -> Job:
        return self._json("POST", f"/jobs/{job_id}/cancel")

    def delete(self, job_id: str) -> None:
        self._request("DELETE", f"/jobs/{job_id}")

    def add_voice(self, fields: Mapping[str, str], files: Mapping[str, Path]) -> Voice:
        return self._form("/voices", fields, files)

    def voice(self, voice_id: str) -> Voice:
        return self._json("GET", f"/voices/{quote(voice_id, safe='')}")

    def voices(self, *, limit: int, name: str | None = None, cursor: str | None = None) -> dict[str, Any]:
        return self._page("/voices", limit=str(limit), name=name, cursor=cursor)

    def delete_voice(self, voice_id: str, *, with_jobs: bool) -> None:
        self._request("DELETE", f"/voices/{voice_id}", params={"delete_jobs": "true"} if with_jobs else {})

    def readiness(self) -> httpx.Response:
        """Whatever `/readyz` says, 503 too."""
        return self._send(self._http, "GET", "/readyz")

    def download(self, url: str) -> bytes:
        response = self._send(self._bare, "GET", url)
        if response.is_error:
            raise CliError(f"The audio cannot be fetched: its store answered {response.status_code}.")
        return response.content

    def _form(self, path: str, fields: Mapping[str, str], files: Mapping[str, Path]) -> dict[str, Any]:
        """`POST` of a multipart form, which the API takes even where no file is sent."""
        with ExitStack() as stack:
            parts: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
            parts |= {name: (file.name, stack.enter_context(_readable(file))) for name, file in files.items()}
            return self._json("POST", path, files=parts)

    def _page(self, path: str, **wanted: str | None) -> dict[str, Any]:
        return self._json("GET", path, params={name: value for name, value in wanted.items() if value is not None})

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            body = self._request(method, path, **request).json()
        except ValueError as error:
            raise self._not_timbre() from error
        if not isinstance(body, dict):
            raise self._not_timbre()
        return body

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._send(self._http, method, path, **request)
        if response.is_error:
            raise explain(response)
        return response

    @staticmethod
    def _send(http: httpx.Client, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            return http.request(method, url, **request)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            where = (
                httpx.URL(str(http.base_url)).join(url).copy_with(query=None) if url.startswith("/") else "the store"
            )
            raise Away(f"{where} does not answer ({error}).", hint="`timbre status` shows what runs.") from error

    def _not_timbre(self) -> CliError:
        return CliError(f"{self._http.base_url} does not answer like Timbre.", hint=f"Check {URL_VARIABLE}.")


def explain(response: httpx.Response) -> CliError:
    """A problem document as one line; any other answer by its status."""
    try:
        problem = response.json()
        text = problem.get("detail") or problem["title"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return CliError(f"The server answered {response.status_code} {response.reason_phrase}.")
    kind = Away if response.status_code == httpx.codes.SERVICE_UNAVAILABLE else CliError
    field = problem.get("field")
    message = f"{field}: {text}" if field and str(field) not in str(text) else str(text)
    return kind(message, hint=_way_out(response, problem))


def _way_out(response: httpx.Response, problem: Mapping[str, Any]) -> str:
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return f"Put your key in {KEY_VARIABLE}."
    if seconds := response.headers.get("Retry-After"):
        return f"Try again in {seconds} s."
    if accepted := problem.get("accepted"):
        return f"Accepted: {accepted if isinstance(accepted, str) else ', '.join(map(str, accepted))}."
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR and (request_id := problem.get("request_id")):
        return f"The server's log has it under request id {request_id}."
    return ""


@contextmanager
def connected() -> Iterator[ApiClient]:
    client = ApiClient(find_address())
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _readable(path: Path) -> Iterator[Any]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        yield file
