"""Who is ready, as others see it."""

import pytest
from structlog.testing import capture_logs

from f5_tts_core.types import EngineInfo
from services.shared.testing import memory_parts
from services.worker.announcing import Announcer
from services.worker.stopping import StopLight

INFO = EngineInfo(engine="tone", model="tone", device="cpu", precision="fp32", vocoder="none", parameters=0)


@pytest.fixture
def parts():
    return memory_parts(heartbeat_seconds=2.0)


@pytest.fixture
def light(parts):
    return StopLight(20.0, parts.clock)


@pytest.fixture
def announcer(parts, light):
    return Announcer(parts, "worker-a", INFO, light)


def test_an_announced_worker_is_ready_and_says_what_it_runs(parts, announcer):
    announcer.tell()
    (beat,) = parts.workers.ready()
    assert (beat.worker, beat.info["engine"], beat.started_at) == ("worker-a", "tone", parts.clock())
    assert beat.slots == parts.settings.max_concurrency
    assert beat.info["served_model"] == "timbre-tiny"


def test_a_worker_that_stays_silent_is_gone_after_three_beats(parts, announcer):
    announcer.tell()
    parts.clock.advance(5.9)
    assert parts.workers.ready()
    parts.clock.advance(0.2)
    assert not parts.workers.ready()


def test_a_stopping_worker_is_no_longer_ready_though_it_still_works(parts, announcer, light):
    announcer.tell()
    light.stop()
    announcer.tell()
    assert not parts.workers.ready()


def test_an_outage_is_logged_and_survived(parts, announcer):
    parts.workers.down = True
    with capture_logs() as logs:
        announcer.tell()
        announcer.withdraw()
    assert [entry["event"] for entry in logs] == ["announcement_unanswered", "withdrawal_unanswered"]
    parts.workers.down = False
    announcer.tell()
    assert parts.workers.ready()
