"""The documentation's settings are the code's."""

from pathlib import Path

from services.cli.settings_reference import dotenv, entries, markdown
from services.shared.settings import Settings

ROOT = Path(__file__).parents[3]


def test_every_setting_is_there_in_order() -> None:
    assert [entry.variable.lower() for entry in entries()] == list(Settings.model_fields)


def test_defaults_are_what_one_would_type() -> None:
    found = {entry.variable: entry for entry in entries()}
    assert found["REDIS_URL"].default is None
    assert found["ALLOW_ANONYMOUS"].default == "false"
    assert found["SPEED"].default == "1"
    assert found["CKPT_PATH"].default == ""
    assert found["MODEL_NAME"].section == "engine"
    assert found["S3_PUBLIC_ENDPOINT"].meaning.startswith("What clients reach")


def test_every_setting_has_a_meaning() -> None:
    assert [entry.variable for entry in entries() if not entry.meaning] == []


def test_the_pages_are_in_step() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == markdown(), "run `make docs`"
    assert (ROOT / ".env.example").read_text() == dotenv(), "run `make docs`"
