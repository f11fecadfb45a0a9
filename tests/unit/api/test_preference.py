"""How a client asks to wait."""

import pytest

from services.api.forms.preference import Mode, Wait, choose_wait, parse_prefer


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        (["wait=10"], {"wait": "10"}),
        (['WAIT = "10"'], {"wait": "10"}),
        (["respond-async, wait=5"], {"respond-async": "", "wait": "5"}),
        (["respond-async", "wait=5"], {"respond-async": "", "wait": "5"}),
        (["wait=5; strict=1", "wait=9"], {"wait": "5"}),
        ([",, ;x,=3"], {}),
    ],
)
def test_parses_preferences(headers: list[str], expected: dict[str, str]) -> None:
    assert parse_prefer(headers) == expected


@pytest.mark.parametrize(
    ("mode", "prefer", "default", "expected"),
    [
        (None, [], "async", Wait(0)),
        (None, [], "sync", Wait(60)),
        ("sync", [], "async", Wait(60)),
        ("async", [], "sync", Wait(0)),
        ("async", ["wait=5"], "sync", Wait(0)),
        (None, ["wait=5"], "async", Wait(5, "wait=5")),
        ("sync", ["wait=5"], "async", Wait(5, "wait=5")),
        (None, ["respond-async, wait=5"], "async", Wait(5, "wait=5")),
        (None, ["respond-async"], "sync", Wait(0, "respond-async")),
        ("sync", ["respond-async"], "async", Wait(60)),
        (None, ["wait=0"], "sync", Wait(0, "wait=0")),
        (None, ["wait=600"], "async", Wait(60, "wait=60")),
        (None, ["wait=" + "9" * 400], "async", Wait(60, "wait=60")),
        (None, ["wait=-1"], "async", Wait(0)),
        (None, ["wait=soon"], "sync", Wait(60)),
        (None, ["wait=1.5"], "async", Wait(0)),
        (None, ["wait=²"], "async", Wait(0)),
    ],
)
def test_chooses_how_long_to_wait(mode: Mode | None, prefer: list[str], default: Mode, expected: Wait) -> None:
    assert choose_wait(mode, prefer, default=default, max_seconds=60) == expected
