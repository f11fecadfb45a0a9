"""The API as the commands see it. Every way it can go wrong becomes one line of plain words."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.cli import record
from services.cli.errors import CliError
from services.cli.home import Home
from timbre_client import (
    ApiError,
    AudioDamaged,
    AuthenticationError,
    JobFailed,
    ServerError,
    ServerUnreachable,
    Timbre,
    TimbreError,
    UnexpectedAnswer,
)
from timbre_client.address import KEY_VARIABLE, URL_VARIABLE


def find_url(environ: Mapping[str, str] | None = None) -> str:
    """`TIMBRE_URL`, else the stack of this home. Raises `CliError` where nothing runs."""
    environ = os.environ if environ is None else environ
    if url := environ.get(URL_VARIABLE):
        return url.rstrip("/")
    stack = record.running(Home.find(environ))
    if stack is None:
        raise CliError(
            "Nothing is running here.", hint=f"Start it with `timbre up`, or name a server in {URL_VARIABLE}."
        )
    return stack.api_url


@contextmanager
def connected() -> Iterator[Timbre]:
    """A client of it, whose errors become `CliError`. Who waits at a terminal is told at once, not after retries."""
    with in_plain_words(), Timbre(find_url(), max_retries=0) as client:
        yield client


@contextmanager
def in_plain_words() -> Iterator[None]:
    try:
        yield
    except TimbreError as error:
        raise CliError(str(error), hint=_way_out(error)) from error


@contextmanager
def reading_recordings() -> Iterator[None]:
    """Around calls that send files of the user's."""
    try:
        yield
    except OSError as error:
        raise CliError(f"{error.filename} cannot be read: {error.strerror}.") from error


def _way_out(error: TimbreError) -> str:
    match error:
        case ServerUnreachable():
            return "`timbre status` shows what runs."
        case UnexpectedAnswer():
            return f"Check {URL_VARIABLE}."
        case AudioDamaged(job=job):
            return f"Fetch it again: timbre jobs show {job.job_id}"
        case JobFailed(type=None, job=job):
            return f"Its id is {job.job_id}."
        case ApiError():
            return _way_past(error)
    return ""


def _way_past(refusal: ApiError) -> str:
    if isinstance(refusal, AuthenticationError):
        return f"Put your key in {KEY_VARIABLE}."
    if refusal.retry_after:
        return f"Try again in {refusal.retry_after:g} s."
    if accepted := refusal.accepted:
        return f"Accepted: {accepted if isinstance(accepted, str) else ', '.join(map(str, accepted))}."
    if isinstance(refusal, ServerError) and refusal.request_id:
        return f"The server's log has it under request id {refusal.request_id}."
    return ""
