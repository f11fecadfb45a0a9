"""Finding the hooks that the settings name among those that are installed."""

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any

from services.shared.hooks.chain import AudioChain, TextChain
from services.shared.hooks.hook import AUDIO_HOOKS, TEXT_HOOKS
from services.shared.settings import Settings, SettingsError


def load_text_hooks(settings: Settings) -> TextChain:
    """Raises `SettingsError` for names that nothing installed has, and what a hook finds wrong with its settings."""
    return TextChain(_load(TEXT_HOOKS, "TEXT_HOOKS", settings.text_hooks, settings))


def load_audio_hooks(settings: Settings) -> AudioChain:
    """As `load_text_hooks`. Hooks may bring torch along: not for the API."""
    return AudioChain(_load(AUDIO_HOOKS, "AUDIO_HOOKS", settings.audio_hooks, settings))


def _load(group: str, variable: str, names: Sequence[str], settings: Settings) -> dict[str, Any]:
    if not names:
        return {}
    found = {point.name: point for point in entry_points(group=group)}
    for name in names:
        if name not in found:
            raise SettingsError(
                f"{variable}: no hook is called {name!r}; installed: {', '.join(sorted(found)) or 'none'}"
            )
    return {name: found[name].load()(settings) for name in names}
