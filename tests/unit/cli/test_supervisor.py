"""The supervisor over real small processes. Time is the test's own; waits are for processes to end, never naps."""

import os
import select
import signal
from collections.abc import Callable, Sequence

import pytest

from services.cli.part import Child, Part
from services.cli.supervisor import StackError, Supervisor
from services.shared.testing import ManualClock

MakeChild = Callable[..., Child]
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


class History:
    """What the supervisor reported: (phase, states of all children) at each change."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, supervisor: Supervisor) -> None:
        self.entries.append((supervisor.phase, tuple(child.state for child in supervisor.children)))


def supervise(children: Sequence[Child], clock: ManualClock, **more: object) -> Supervisor:
    """Sleeping advances the test's clock, and waits for the children's doing no longer than it takes them."""

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        select.select([child.process.stdout for child in children if child.process], [], [], 0.02)

    return Supervisor(children, History(), clock=clock, sleep=sleep, **more)  # type: ignore[arg-type]


def await_output(child: Child) -> None:
    assert child.process is not None
    assert child.process.stdout is not None
    ready, _, _ = select.select([child.process.stdout], [], [], 10)
    assert ready, "the child said nothing"


def kill(child: Child) -> None:
    assert child.process is not None
    child.process.kill()
    child.process.wait()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_part_starts_only_once_its_needs_are_ready(make_child: MakeChild, clock: ManualClock) -> None:
    answers = iter([False, True])
    store = make_child("store", probe=lambda _: next(answers))
    api = make_child("api", needs=("store",))
    supervisor = supervise([store, api], clock)
    supervisor.turn()
    assert (store.state, api.state) == ("starting", "waiting")
    supervisor.turn()
    assert (store.state, api.state) == ("starting", "waiting")
    supervisor.turn()
    assert (store.state, api.state) == ("ready", "starting")
    supervisor.turn()
    assert supervisor.phase == "ready"


def test_the_probe_is_told_when_the_part_started(make_child: MakeChild, clock: ManualClock) -> None:
    told: list[float] = []
    child = make_child(probe=lambda started_at: bool(told.append(started_at)))
    supervisor = supervise([child], clock)
    supervisor.turn()
    supervisor.turn()
    assert child.ref is not None
    assert told == [child.ref.created]


def test_what_dies_is_started_again_after_a_pause(make_child: MakeChild, clock: ManualClock) -> None:
    child = make_child()
    supervisor = supervise([child], clock)
    supervisor.turn()
    supervisor.turn()
    first = child.ref
    kill(child)
    supervisor.turn()
    assert (child.state, child.process, child.restarts) == ("restarting", None, 1)
    supervisor.turn()
    assert child.process is None, "it was not to start before its pause is over"
    clock.advance(1.0)
    supervisor.turn()
    assert child.state == "starting"
    assert child.ref != first


def test_a_part_that_keeps_dying_ends_the_stack_with_its_last_words(make_child: MakeChild, clock: ManualClock) -> None:
    healthy = make_child("healthy")
    broken = make_child("broken", "print('no such checkpoint'); raise SystemExit(3)", probe=lambda _: False)
    supervisor = supervise([healthy, broken], clock)
    with pytest.raises(StackError, match=r"(?s)broken does not stay up: .* exit code 3.*no such checkpoint"):
        supervisor.run()
    assert supervisor.phase == "failed"
    assert healthy.process is None


def test_a_part_that_never_gets_ready_is_killed(make_child: MakeChild, clock: ManualClock) -> None:
    child = make_child(probe=lambda _: False, start_seconds=5.0)
    supervisor = supervise([child], clock)
    supervisor.turn()
    process = child.process
    clock.advance(6.0)
    supervisor.turn()
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    assert child.state == "restarting"


def test_a_program_that_is_not_there_ends_the_stack(make_child: MakeChild, clock: ManualClock) -> None:
    child = make_child()
    child.part = Part("ghost", ("/no/such/program",), {}, child.part.cwd)
    with pytest.raises(StackError, match="ghost cannot be started"):
        supervise([child], clock).run()


def test_dependants_stop_before_what_they_need(make_child: MakeChild, clock: ManualClock) -> None:
    store, api = make_child("store"), make_child("api", needs=("store",))
    supervisor = supervise([store, api], clock)
    for _ in range(4):
        supervisor.turn()
    supervisor.stop()
    history = supervisor.on_change.entries  # type: ignore[attr-defined]
    assert ("stopping", ("ready", "stopped")) in history
    assert ("stopping", ("stopped", "ready")) not in history
    assert history[-1] == ("stopping", ("stopped", "stopped"))


def test_a_child_deaf_to_the_request_is_killed_after_its_time(make_child: MakeChild, clock: ManualClock) -> None:
    child = make_child(script=STUBBORN, stop_seconds=2.0)
    supervisor = supervise([child], clock)
    supervisor.turn()
    await_output(child)
    process = child.process
    started = clock()
    supervisor.stop()
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    assert clock() - started >= 2.0


def test_asked_twice_it_does_not_wait(make_child: MakeChild, clock: ManualClock) -> None:
    child = make_child(script=STUBBORN, stop_seconds=1e9)
    supervisor = supervise([child], clock)
    supervisor.turn()
    await_output(child)
    supervisor.request_stop()
    supervisor.request_stop()
    supervisor.run()
    assert child.process is None


def test_edited_sources_restart_our_parts_alone(make_child: MakeChild, clock: ManualClock) -> None:
    store, api = make_child("store"), make_child("api", ours=True)
    edits = iter([False, False, True, False])
    supervisor = supervise([store, api], clock, sources_changed=lambda: next(edits))
    supervisor.turn()
    supervisor.turn()
    kept, replaced = store.ref, api.ref
    supervisor.turn()
    supervisor.turn()
    assert store.ref == kept
    assert api.ref not in (None, replaced)
    assert api.restarts == 0


def test_last_words_reach_the_log(make_child: MakeChild, clock: ManualClock, home: object) -> None:
    child = make_child("talker", "import os; os.write(1, b'one\\ntwo without an end')")
    supervisor = supervise([child], clock)
    supervisor.turn()
    assert child.process is not None
    child.process.wait()
    supervisor.turn()
    assert list(child.log.tail) == ["one", "two without an end"]


def test_children_have_a_session_of_their_own(make_child: MakeChild, clock: ManualClock) -> None:
    child = make_child()
    supervise([child], clock).turn()
    assert child.process is not None
    assert os.getsid(child.process.pid) == child.process.pid
