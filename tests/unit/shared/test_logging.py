"""One JSON object a line, and nothing private in it."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from services.shared.logging import configure_logging
from services.shared.settings import LogLevel
from services.shared.testing import make_settings


class Log:
    """Configures this process's logging, and reads back what was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def start(self, level: LogLevel = "info") -> Any:
        configure_logging(make_settings(log_level=level), self.stream)
        return structlog.get_logger("timbre.test")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def only_line(self) -> dict[str, Any]:
        (line,) = self.lines()
        return line


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield Log()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_says_what_when_where_and_how_grave(log: Log) -> None:
    log.start().warning("job failed", attempt=2)
    line = log.only_line()
    assert (line["event"], line["level"], line["logger"], line["attempt"]) == (
        "job failed",
        "warning",
        "timbre.test",
        2,
    )
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])).total_seconds()) < 60


def test_the_context_is_in_every_line_of_everybody(log: Log) -> None:
    ours = log.start()
    with structlog.contextvars.bound_contextvars(request_id="r1", job_id="j1"):
        ours.info("ours")
        logging.getLogger("some.library").warning("theirs %s", 7)
    ours.info("after")
    first, second, third = log.lines()
    assert (first["job_id"], first["request_id"]) == (second["job_id"], second["request_id"]) == ("j1", "r1")
    assert second["event"] == "theirs 7"
    assert "job_id" not in third


@pytest.mark.parametrize("name", ["uvicorn.error", "celery.worker.strategy"])
def test_servers_log_in_the_same_form(log: Log, name: str) -> None:
    logging.getLogger("uvicorn").addHandler(own := logging.StreamHandler(io.StringIO()))
    log.start()
    logging.getLogger(name).info("started")
    assert log.only_line()["logger"] == name
    assert own not in logging.getLogger("uvicorn").handlers


def test_the_level_is_a_setting(log: Log) -> None:
    logger = log.start("warning")
    logger.info("quiet")
    logging.getLogger("library").info("quiet")
    logger.error("loud")
    assert log.only_line()["event"] == "loud"


@pytest.mark.parametrize("name", ["text", "ref_text", "audio", "Transcript", "filename"])
def test_what_users_send_is_for_debugging_only(log: Log, name: str) -> None:
    logger = log.start("debug")
    logger.info("one", **{name: "private"})
    logger.exception("two", detail={name: "private"})
    logger.debug("three", **{name: "private"})
    assert ["private" in json.dumps(line) for line in log.lines()] == [False, False, True]


@pytest.mark.parametrize("name", ["password", "authorization", "api_key", "secret_key", "Authorization"])
def test_secrets_are_never_logged(log: Log, name: str) -> None:
    logger = log.start("debug")
    logger.info("one", **{name: "private"})
    logger.debug("two", headers={name: "private"})
    assert "private" not in log.stream.getvalue()
    assert len(log.lines()) == 2


def test_passwords_in_urls_are_taken_out_wherever_they_stand(log: Log) -> None:
    logger = log.start()
    url = "redis://user:p%40ss@host:6379/0"
    logger.info(f"cannot reach {url}", url=url)
    logging.getLogger("library").error("cannot reach %s", url)
    try:
        raise RuntimeError(url)
    except RuntimeError:
        logger.exception("failed")
    signed = "http://host/timbre/a.wav?X-Amz-Signature=abc123&x=1"
    logger.info("signed", url=signed)
    assert "p%40ss" not in log.stream.getvalue()
    assert "abc123" not in log.stream.getvalue()
    assert log.lines()[0]["url"] == "redis://host:6379/0"
    assert "RuntimeError" in log.lines()[2]["exception"]


def test_what_json_does_not_know_is_no_error(log: Log) -> None:
    log.start().info("odd", value=object(), path=b"\xff", nan=float("nan"))
    assert log.only_line()["event"] == "odd"


def test_configuring_twice_does_not_write_twice(log: Log) -> None:
    log.start()
    log.start().info("once")
    assert log.only_line()["event"] == "once"
