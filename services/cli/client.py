"""The API as the commands see it. Every way it can go wrong becomes one line of plain words."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.cli import record
from services.cli.errors import Away, CliError
from services.cli.home import Home

URL_VARIABLE = "TIMBRE_URL"
KEY_VARIABLE = "TIMBRE_API_KEY"
TIMEOUT = httpx.Timeout(30.0, connect=5.0)

#: A job as the API shows it.
Job = dict[str, Any]


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

    def submit(self, fields: Mapping[str, str], reference: Path) -> Job:
        with _readable(reference) as audio:
            return self._json("POST", "/tts", data=dict(fields), files={"voice": (reference.name, audio)})

    def job(self, job_id: str) -> Job:
        return self._json("GET", f"/jobs/{job_id}")

    def jobs(self, *, limit: int, status: str | None = None, cursor: str | None = None) -> dict[str, Any]:
        wanted = {"limit": str(limit), "status": status, "cursor": cursor}
        return self._json("GET", "/jobs", params={name: value for name, value in wanted.items() if value})

    def cancel(self, job_id: str) -> Job:
        return self._json("POST", f"/jobs/{job_id}/cancel")

    def delete(self, job_id: str) -> None:
        self._request("DELETE", f"/jobs/{job_id}")

    def readiness(self) -> httpx.Response:
        """Whatever `/readyz` says, 503 too."""
        return self._send(self._http, "GET", "/readyz")

    def download(self, url: str) -> bytes:
        response = self._send(self._bare, "GET", url)
        if response.is_error:
            raise CliError(f"The audio cannot be fetched: its store answered {response.status_code}.")
        return response.content

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
