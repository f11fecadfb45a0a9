"""A rough transcript of English, from a wheel that brings its model along: enough to try a voice offline."""

import re
import threading
from functools import cached_property

import numpy as np
import pocketsphinx
import soxr

from f5_tts_core.types import Waveform
from services.shared.errors import TranscriptionFailed
from services.shared.ports import Transcript

#: Hz. What the model was trained on.
_SAMPLE_RATE = 16_000

#: Marks of other pronunciations (`read(2)`) and of noises (`[NOISE]`, `<sil>`).
_NOT_WORDS = re.compile(r"\(\d+\)|\[\w+\]|<\w+>")
_LONE_I = re.compile(r"\bi\b")


class PocketSphinxTranscriber:
    """`Transcriber` for US English. Its decoder is one utterance at a time, so calls wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def transcribe(self, audio: Waveform) -> Transcript:
        pcm = _pcm16(audio)
        with self._lock:
            words = self._decode(pcm) if pcm else ""
        if not words:
            raise TranscriptionFailed("No English words were recognised in the reference; send its transcript along.")
        return Transcript(as_sentence(words), "en")

    @cached_property
    def _decoder(self) -> pocketsphinx.Decoder:
        return pocketsphinx.Decoder(samprate=_SAMPLE_RATE, loglevel="FATAL")

    def _decode(self, pcm: bytes) -> str:
        decoder = self._decoder
        # Else it adapts to what it heard before, and one clip gets another transcript each time.
        decoder.reinit_feat()
        decoder.start_utt()
        try:
            decoder.process_raw(pcm, full_utt=True)
        finally:
            decoder.end_utt()
        hypothesis = decoder.hyp()
        return _NOT_WORDS.sub("", hypothesis.hypstr).strip() if hypothesis else ""


def as_sentence(words: str) -> str:
    """Lower-case words the way a transcript is written: a capital, a full stop, and `I`."""
    text = _LONE_I.sub("I", " ".join(words.split()))
    return f"{text[0].upper()}{text[1:]}."


def _pcm16(audio: Waveform) -> bytes:
    """Samples as the decoder takes them: 16-bit at 16 kHz."""
    samples = soxr.resample(audio.samples, audio.sample_rate, _SAMPLE_RATE)
    return bytes((np.clip(samples, -1.0, 1.0) * 32_767).astype(np.int16).tobytes())
