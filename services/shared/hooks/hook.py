"""What a hook is."""

from dataclasses import dataclass
from typing import Final, Protocol

from f5_tts_core.types import Waveform

#: The entry-point groups that hooks are found in: each a function that takes our `Settings` and returns a hook.
TEXT_HOOKS: Final = "timbre.text_hooks"
AUDIO_HOOKS: Final = "timbre.audio_hooks"


@dataclass(frozen=True)
class HookContext:
    """Whom it is for."""

    #: The tenant, or "anonymous".
    owner: str


class TextHook(Protocol):
    """Sees texts in the API, which holds no torch. Called from many threads."""

    def process(self, text: str, context: HookContext) -> str:
        """The text that is spoken in place of `text`: the same, for a hook that only looks.

        Raises `TextRefused`, which the client is answered, and `Unavailable` where it is worth another try.
        """
        ...


class AudioHook(Protocol):
    """Sees finished speech in the worker. Called from many threads."""

    #: Another one whenever the same speech would leave it otherwise: audio made before is not given out then.
    version: str

    def process(self, audio: Waveform, context: HookContext) -> Waveform:
        """The audio that is encoded and stored in place of `audio`, at the same sample rate.

        Raises `AudioRefused`, which fails the job, and `Unavailable` where it is worth another try.
        """
        ...
