"""The teacher: espeak-ng, called as a library, in any of a continuous space of voices. Free of torch.

espeak-ng's licence is GPL-3.0-or-later; it is a tool of the recipe, and no part of it is in the model or the services.
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import espeakng_loader
import numpy as np
import numpy.typing as npt
import soxr

from f5_tts_core import limits
from f5_tts_core.types import Waveform
from training.errors import TrainingError

#: Variants that are no ordinary voice (whispered, croaked, robots, noise), that clip, or that need another synthesiser.
_UNFIT: Final = frozenset({
    "AnxiousAndy", "Demonic", "Mr serious", "Storm", "Tweaky", "UniRobot", "anikaRobot", "announcer", "antonio",
    "boris", "croak", "fast", "iven", "klatt", "klatt2", "klatt3", "klatt4", "klatt5", "klatt6", "robosoft",
    "robosoft2", "robosoft3", "robosoft4", "robosoft5", "robosoft6", "robosoft7", "robosoft8", "whisper", "whisperf",
    "zac",
})  # fmt: skip

_SYNCHRONOUS: Final = 2
#: Rather than exit the process.
_RETURN_ERRORS: Final = 0x8000
_UTF8: Final = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
#: Of 100: loud variants would clip at more. The level is set later anyhow.
_QUIET: Final = 35
_MIN_RATE, _MAX_RATE = 80, 450
_CHUNK_MILLISECONDS: Final = 200

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Voice:
    """Who speaks, and how."""

    #: An espeak-ng voice: language and accent.
    accent: str = "en-us"
    #: One of `variants()`, or empty for the accent's own voice.
    variant: str = ""
    #: 0..100, 50 is the variant's own.
    pitch: int = 50
    #: How lively the pitch moves, 0..100.
    pitch_range: int = 50
    #: Words a minute, after resampling.
    rate: int = 165
    #: Above 1: a shorter vocal tract, thus formants and pitch higher by that factor.
    tract: float = 1.0


class Espeak:
    """The library, started once a process: it holds its state in globals and is not safe among threads.

    That state (random breath, the phase of its waves) runs on from one text to the next: a process that speaks the
    same texts in the same order makes the same samples, to the bit.
    """

    def __init__(self) -> None:
        self._library, self._sample_rate = _start()

    def speak(self, text: str, voice: Voice) -> Waveform:
        """`text` in `voice`, 24 kHz, as loud as espeak-ng makes it, silence at the edges included.

        Raises `TrainingError` for a voice that espeak-ng does not have.
        """
        self._choose(voice)
        pieces: list[npt.NDArray[np.int16]] = []

        def collect(samples: Any, count: int, _events: object) -> int:
            if samples and count:
                pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
            return 0

        callback = _Callback(collect)
        self._library.espeak_SetSynthCallback(callback)
        encoded = text.encode()
        _succeed(self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None), "speak")
        self._library.espeak_Synchronize()
        spoken = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        return Waveform(_resampled(spoken.astype(np.float32) / np.float32(32768), self._sample_rate * voice.tract))

    def _choose(self, voice: Voice) -> None:
        name = f"{voice.accent}+{voice.variant}" if voice.variant else voice.accent
        if voice.variant and voice.variant not in variants():
            raise TrainingError(f"espeak-ng has no fit variant {voice.variant!r}.")
        _succeed(self._library.espeak_SetVoiceByName(name.encode()), f"take the voice {name}")
        # Resampling speeds speech up by `tract`: ask for less, so that `rate` holds.
        rate = min(max(round(voice.rate / voice.tract), _MIN_RATE), _MAX_RATE)
        settings = {_RATE: rate, _VOLUME: _QUIET, _PITCH: voice.pitch, _RANGE: voice.pitch_range}
        for parameter, value in settings.items():
            _succeed(self._library.espeak_SetParameter(parameter, value, 0), "set a voice's parameter")


@cache
def variants() -> tuple[str, ...]:
    """The library's variants that are ordinary voices, in alphabetical order."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return tuple(sorted(path.name for path in folder.iterdir() if path.name not in _UNFIT))


@cache
def _start() -> tuple[ctypes.CDLL, int]:
    """The library, ready, and its sample rate."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(Path(espeakng_loader.get_data_path()).parent).encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MILLISECONDS, data, _RETURN_ERRORS)
    if rate <= 0:
        raise TrainingError(f"espeak-ng does not start with its data in {data.decode()}.")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # it starts from the clock
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    return library, rate


def _succeed(status: int, what: str) -> None:
    if status != 0:
        raise TrainingError(f"espeak-ng cannot {what} (status {status}).")


def _resampled(samples: npt.NDArray[np.float32], rate: float) -> npt.NDArray[np.float32]:
    if not len(samples):
        return samples
    resampled: npt.NDArray[np.float32] = soxr.resample(samples, rate, limits.SAMPLE_RATE)
    return resampled.clip(-1, 1)
