"""Test doubles that ship with the package: an engine that hums instead of speaking, and audio to feed it.

Nothing here pretends to be speech synthesis. `ENGINE=tone` exercises queue, worker and storage without torch.
"""

import hashlib
import io
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt
import soundfile

from f5_tts_core import errors, limits
from f5_tts_core.engine import AudioCallback, CancelCallback, EngineConfig, ProgressCallback, ignore, never
from f5_tts_core.reference import prepare_reference
from f5_tts_core.stopwatch import Stopwatch
from f5_tts_core.text.chunks import lasting_chunks
from f5_tts_core.text.duration import estimate_seconds
from f5_tts_core.text.normalization import normalize
from f5_tts_core.turns import Turns
from f5_tts_core.types import EngineInfo, EngineStats, Synthesis, SynthesisRequest, Waveform

Samples = npt.NDArray[np.float32]

#: Of one chunk.
_CHUNK_CHARACTERS = 300


class ToneEngine:
    """One sine tone a request, as long as the speech would be. Same text, reference and seed: same samples.

    It refuses what a real engine refuses and passes through its stages, takes `step_seconds` a solver step, and reports
    and stops between steps. Streamed, it hands out each step's share of the tone. `faults` maps a marker to the
    exception raised when a request's text contains it.
    """

    def __init__(
        self,
        config: EngineConfig | None = None,
        *,
        step_seconds: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
        faults: Mapping[str, Exception] | None = None,
    ) -> None:
        self._config = config or EngineConfig()
        self._step_seconds = step_seconds
        self._sleep = sleep
        self._faults = dict(faults or {})
        self._turns = Turns(self._config.max_concurrency)
        self._ready = False
        self._counted = Lock()
        self.stats = EngineStats()

    def load(self) -> None:
        self._ready = True

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        on_progress: ProgressCallback = ignore,
        should_cancel: CancelCallback = never,
        on_audio: AudioCallback = ignore,
    ) -> Synthesis:
        if not self._ready:
            raise errors.EngineError("The engine is not loaded.")
        watch = Stopwatch()
        with self._turns.take(should_cancel):
            watch.lap("queue")
            self._raise_scripted_fault(request.text)
            seconds, gain = self._plan(request)
            seed = random.SystemRandom().randint(0, limits.MAX_SEED) if request.seed is None else request.seed
            watch.lap("reference")
            samples = _tone(seconds, _pitch(request, seed), amplitude=0.2 / gain)
            steps = request.nfe_step
            pieces = np.array_split(samples, steps) if request.stream else [samples[:0]] * (steps - 1) + [samples]
            for step, piece in enumerate(pieces, start=1):
                self._step(step / steps, on_progress, should_cancel)
                if len(piece):
                    on_audio(Waveform(piece))
            watch.lap("solver")
            hummed = Waveform(samples)
            watch.lap("vocoder")
        return Synthesis(hummed, seed, chunks=1, timings=watch.timings(), laps=watch.laps)

    def chunks(self, request: SynthesisRequest) -> Sequence[str]:
        return lasting_chunks(normalize(request.text, None, None), lambda piece: len(piece) <= _CHUNK_CHARACTERS)

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="tone",
            model="tone",
            device="cpu",
            precision="fp32",
            vocoder="none",
            parameters=0,
            fingerprint="tone",
        )

    def close(self) -> None:
        self._ready = False

    def _raise_scripted_fault(self, text: str) -> None:
        for marker, fault in self._faults.items():
            if marker in text:
                raise fault

    def _plan(self, request: SynthesisRequest) -> tuple[float, float]:
        """Seconds to hum, and the gain to undo. Raises what a real engine raises for bad input."""
        reference = request.reference
        clip = prepare_reference(reference.audio, reference.text, target_rms=self._config.target_rms)
        text = normalize(request.text, None, None)
        seconds = estimate_seconds(
            text, reference_seconds=clip.audio.seconds, reference_text=clip.text or text, speed=request.speed
        )
        return seconds, clip.gain

    def _step(self, share: float, on_progress: ProgressCallback, should_cancel: CancelCallback) -> None:
        if self._step_seconds:
            self._sleep(self._step_seconds)
        with self._counted:
            self.stats.forwards += 1
            self.stats.rows += 1
        on_progress(share)
        if should_cancel():
            raise errors.Canceled("The request was canceled.")


def create(config: EngineConfig) -> ToneEngine:
    """The entry point `tone`. `TONE_STEP_SECONDS` slows each solver step down, for tests that need the time."""
    return ToneEngine(config, step_seconds=float(os.environ.get("TONE_STEP_SECONDS", "0")))


def _pitch(request: SynthesisRequest, seed: int) -> float:
    key = f"{request.reference.content_hash}\0{seed}\0{request.text}".encode()
    return 110.0 + int.from_bytes(hashlib.sha256(key).digest()[:4], "big") / 2**32 * 330.0


def _tone(seconds: float, hertz: float, amplitude: float) -> Samples:
    time_axis = np.arange(round(seconds * limits.SAMPLE_RATE)) / limits.SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time_axis)).astype(np.float32)


# --- audio for tests ----------------------------------------------------------------------------


def speech_like(seconds: float, seed: int = 0, *, sample_rate: int = limits.SAMPLE_RATE) -> Waveform:
    """Harmonics under a syllable-rate envelope with pauses: what a reference checker takes for speech.

    About 0.1 rms. Phrases of some 1.2 s, pauses of 0.3 s between them, voiced from the first sample to the last.
    """
    generator = np.random.default_rng(seed)
    time_axis = np.arange(round(seconds * sample_rate)) / sample_rate
    pitch = generator.uniform(95, 220) * (1 + 0.08 * np.sin(2 * np.pi * generator.uniform(0.3, 0.7) * time_axis))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    harmonics = [np.sin(k * phase) / k for k in range(1, 13) if k * 240 < sample_rate / 2]
    syllables = 0.35 + 0.65 * np.sin(np.pi * generator.uniform(3.5, 5.0) * time_axis) ** 2
    voice = np.sum(harmonics, axis=0) * syllables * _phrases(time_axis, seconds)
    voice *= 0.1 / max(float(np.sqrt(np.mean(voice**2))), 1e-9)
    return Waveform((voice + generator.normal(0, 2e-4, len(voice))).astype(np.float32), sample_rate)


def _phrases(time_axis: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.float64]:
    """1 while speaking, 0 in pauses, with ramps of 20 ms; the last phrase always ends with the clip."""
    phrases = max(1, round(seconds / 1.5))
    position = (time_axis * phrases / seconds) % 1.0 if seconds else time_axis
    period = seconds / phrases
    left = (1.0 - position) * period - 0.3
    is_last = time_axis >= seconds - period
    return np.where(is_last, 1.0, np.clip(left / 0.02, 0.0, 1.0) * np.clip(position * period / 0.02, 0.0, 1.0))


def wav_bytes(
    audio: Waveform | npt.ArrayLike,
    sample_rate: int = limits.SAMPLE_RATE,
    *,
    file_format: str = "WAV",
    subtype: str | None = "PCM_16",
) -> bytes:
    """An audio file in memory: samples of shape [n] or [n, channels], by libsndfile's names for format and subtype."""
    samples, rate = (audio.samples, audio.sample_rate) if isinstance(audio, Waveform) else (audio, sample_rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.asarray(samples), rate, format=file_format, subtype=subtype)
    return buffer.getvalue()
