"""Every setting, by environment variable, in one place. Wrong values are refused at start by name.

A field's name in capitals is its variable: `nfe_step` is `NFE_STEP`. Secrets have no default.
"""

from services.shared.settings.error import SettingsError
from services.shared.settings.loading import load_settings
from services.shared.settings.parts import Encryption
from services.shared.settings.telemetry import LogLevel
from services.shared.settings.whole import SECTIONS, Settings

__all__ = ["SECTIONS", "Encryption", "LogLevel", "Settings", "SettingsError", "load_settings"]
