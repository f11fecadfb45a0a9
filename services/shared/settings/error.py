"""What is wrong with settings."""


class SettingsError(ValueError):
    """One line a wrong setting: its name, what is wrong, what was expected. Never the value: it may be a secret."""
