"""Hooks one after the other, each given what the one before it made."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from f5_tts_core.types import EngineInfo, Waveform
from services.shared.hooks.hook import AudioHook, HookContext, TextHook


class TextChain:
    """By name, in the order in which they are called. Thread-safe as far as they are."""

    def __init__(self, hooks: Mapping[str, TextHook]) -> None:
        self._hooks = dict(hooks)

    def process(self, text: str, owner: str) -> str:
        """Raises `TextRefused`, `Unavailable`; `TypeError` where a hook returns no text."""
        for name, hook in self._hooks.items():
            text = hook.process(text, HookContext(owner))
            if not isinstance(text, str):
                raise TypeError(f"The text hook {name} returned no text.")
        return text


class AudioChain:
    """By name, in the order in which they are called. Thread-safe as far as they are."""

    def __init__(self, hooks: Mapping[str, AudioHook]) -> None:
        self._hooks = dict(hooks)

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def process(self, audio: Waveform, owner: str, check: Callable[[], None]) -> Waveform:
        """Calls `check` before each hook, which may end it by raising.

        Raises `AudioRefused`, `Unavailable`; `TypeError` where a hook returns no audio of the same rate.
        """
        for name, hook in self._hooks.items():
            check()
            heard = hook.process(audio, HookContext(owner))
            if not isinstance(heard, Waveform) or heard.samples.ndim != 1 or heard.sample_rate != audio.sample_rate:
                raise TypeError(f"The audio hook {name} returned no mono audio at {audio.sample_rate} Hz.")
            audio = heard
        return audio

    def mark(self, engine: EngineInfo) -> EngineInfo:
        """The engine under a fingerprint that tells of the hooks too: what is made by both is not made by it alone."""
        if not (self._hooks and engine.fingerprint):
            return engine
        names = "\n".join(f"{name} {hook.version}" for name, hook in self._hooks.items())
        return replace(engine, fingerprint=f"{engine.fingerprint}+{hashlib.sha256(names.encode()).hexdigest()[:16]}")
