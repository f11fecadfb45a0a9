"""When a part is started again."""

from services.cli.restarts import NEWBORN_DEATHS, PROVEN_DEATHS, RestartPolicy


def test_pauses_double() -> None:
    policy = RestartPolicy(proven=True)
    assert [policy.delay_after_death(now) for now in (0.0, 1.0, 2.0, 3.0)] == [0.25, 0.5, 1.0, 2.0]


def test_one_that_never_worked_is_given_up_soon() -> None:
    policy = RestartPolicy()
    delays = [policy.delay_after_death(float(now)) for now in range(NEWBORN_DEATHS)]
    assert delays[-1] is None
    assert None not in delays[:-1]


def test_one_that_worked_is_given_up_later() -> None:
    policy = RestartPolicy(proven=True)
    delays = [policy.delay_after_death(float(now)) for now in range(PROVEN_DEATHS)]
    assert delays[-1] is None
    assert None not in delays[:-1]


def test_old_deaths_are_forgiven() -> None:
    policy = RestartPolicy(proven=True)
    for now in range(20):
        assert policy.delay_after_death(now * 61.0) == 0.25
