"""Hooks: installed code that sees every text before it is queued, and all speech before it is stored. Free of torch.

What a plugin needs is here; docs/plugins.md shows one whole.
"""

from services.shared.errors import AudioRefused, TextRefused, Unavailable
from services.shared.hooks.chain import AudioChain, TextChain
from services.shared.hooks.hook import AUDIO_HOOKS, TEXT_HOOKS, AudioHook, HookContext, TextHook
from services.shared.hooks.loading import load_audio_hooks, load_text_hooks

__all__ = [
    "AUDIO_HOOKS",
    "TEXT_HOOKS",
    "AudioChain",
    "AudioHook",
    "AudioRefused",
    "HookContext",
    "TextChain",
    "TextHook",
    "TextRefused",
    "Unavailable",
    "load_audio_hooks",
    "load_text_hooks",
]
