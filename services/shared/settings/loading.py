"""Reading the settings from the environment."""

import os
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.shared.settings.error import SettingsError
from services.shared.settings.whole import Settings


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (this process's by default). An empty variable counts as not set.

    Raises `SettingsError`, which tells of every wrong variable at once.
    """
    source = os.environ if environ is None else environ
    given = {
        name: source[name.upper()].strip() for name in Settings.model_fields if source.get(name.upper(), "").strip()
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(one) for one in error.errors(include_input=False))) from None


def _explain(error: ErrorDetails) -> str:
    """One line: the variable, and what was expected of it."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    if error["type"] == "missing":
        message = "is not set, and has no default"
    return f"{str(error['loc'][0]).upper()}: {message[0].lower()}{message[1:]}"
