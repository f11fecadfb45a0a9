"""The F5 engine on timbre-tiny, end to end: text and a reference in, a waveform out."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from f5_tts_core import errors
from f5_tts_core.audio import encode
from f5_tts_core.engine import EngineConfig, create_engine
from f5_tts_core.f5_engine import F5Engine
from f5_tts_core.testing import speech_like, wav_bytes
from f5_tts_core.types import Reference, SynthesisRequest, Waveform
from tests.long_text import EDITED, TEXT, changed

SAMPLE = files("f5_tts_core") / "assets" / "sample"
REFERENCE = Reference((SAMPLE / "reference.wav").read_bytes(), (SAMPLE / "reference.txt").read_text().strip())
REQUEST = SynthesisRequest("The quick brown fox.", REFERENCE, seed=7, nfe_step=4)
SILENCE = Waveform(np.zeros(48_000, np.float32))
CONFIG = EngineConfig(device="cpu", precision="fp32", max_concurrency=4)


def loaded(config: EngineConfig) -> F5Engine:
    engine = create_engine("f5", config)
    assert isinstance(engine, F5Engine)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def engine() -> Iterator[F5Engine]:
    engine = loaded(CONFIG)
    yield engine
    engine.close()


def test_it_starts_without_what_it_never_uses() -> None:
    """Hashing begins before torch is imported, and torch's compiler, a second of modules, never is. The rest of torch
    no collection of garbage looks through."""
    script = """
import gc, sys
from f5_tts_core.engine import EngineConfig
from f5_tts_core.f5 import create
early = {"torch"} & set(sys.modules)
engine = create(EngineConfig(device="cpu"))
engine.load()
engine.close()
print(sorted(early | {"torch._dynamo", "torch._inductor", "sympy", "triton"} & set(sys.modules)))
print(gc.isenabled(), len(gc.get_objects()) < gc.get_freeze_count())
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("[]\nTrue True\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="counts the kernel's threads")
def test_one_team_of_threads_computes_whoever_asks() -> None:
    """Two teams would be more threads than processors, and each wait of a step a sleep. Nor does an engine that nobody
    closed break the interpreter's end."""
    script = """
import os
from importlib.resources import files
from threading import Thread
from f5_tts_core.engine import EngineConfig, create_engine
from f5_tts_core.types import Reference, SynthesisRequest
sample = files("f5_tts_core") / "assets" / "sample"
reference = Reference((sample / "reference.wav").read_bytes(), (sample / "reference.txt").read_text().strip())
engine = create_engine("f5", EngineConfig(device="cpu", threads=3))
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
engine.load()
request = SynthesisRequest("The quick brown fox jumps over the lazy dog.", reference, seed=0, nfe_step=1)
asking = Thread(target=engine.synthesize, args=[request])
asking.start()
asking.join()
engine.synthesize(request)
print(threads() - before)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    owner_and_its_team = 1 + 2
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{owner_and_its_team}\n", "", 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"ckpt_sha256": "0" * 64}, errors.HashMismatch), ({"ckpt_path": Path("nowhere.pt")}, errors.MissingModelFile)],
)
def test_what_is_wrong_with_its_model_it_says_when_it_is_loaded(
    fault: dict[str, Any], error: type[errors.ModelError]
) -> None:
    engine = create_engine("f5", replace(CONFIG, **fault))
    with pytest.raises(error):
        engine.load()


def test_it_speaks(engine: F5Engine) -> None:
    result = engine.synthesize(REQUEST)
    assert result.audio.sample_rate == 24_000
    assert 0.7 < result.audio.seconds < 3.0
    assert np.sqrt(np.mean(result.audio.samples**2)) > 0.01
    assert np.abs(result.audio.samples).max() <= 1.0
    assert (result.seed, result.chunks) == (7, 1)
    assert result.timings["total"] >= result.timings["solver"] >= result.timings["network"] * 0.9 > 0


def test_it_says_when_each_stage_was(engine: F5Engine) -> None:
    laps = engine.synthesize(REQUEST).laps
    assert [lap.stage for lap in laps] == ["queue", "reference", "solver", "vocoder"]
    assert [lap.ended for lap in laps[:-1]] == [lap.started for lap in laps[1:]]
    tone = create_engine("tone", CONFIG)
    tone.load()
    assert [lap.stage for lap in tone.synthesize(REQUEST).laps] == [lap.stage for lap in laps]


def test_it_counts_what_it_does(engine: F5Engine) -> None:
    before = engine.stats
    engine.synthesize(REQUEST)
    assert engine.stats.rows - before.rows == engine.stats.forwards - before.forwards == 4
    assert engine.stats.reference_hits - before.reference_hits == 1
    assert engine.stats.reference_misses == before.reference_misses >= 1


def test_it_says_what_it_is(engine: F5Engine) -> None:
    info = engine.describe()
    assert (info.engine, info.model, info.device, info.precision) == ("f5", "timbre-tiny", "cpu", "fp32")
    # Rows beside each other save a CPU no time.
    assert not info.batches
    assert 8_000_000 < info.parameters < 10_000_000
    assert len(info.fingerprint) == 64


def test_the_seed_decides_the_noise(engine: F5Engine) -> None:
    first, again, other = (engine.synthesize(replace(REQUEST, seed=seed)).audio.samples for seed in (7, 7, 8))
    np.testing.assert_allclose(again, first, atol=1e-3)
    assert np.abs(other - first).max() > 0.01


def test_a_seed_is_drawn_and_told_when_none_is_given(engine: F5Engine) -> None:
    drawn = engine.synthesize(replace(REQUEST, seed=None))
    again = engine.synthesize(replace(REQUEST, seed=drawn.seed))
    np.testing.assert_allclose(again.audio.samples, drawn.audio.samples, atol=1e-3)


def test_progress_rises_to_one(engine: F5Engine) -> None:
    shares: list[float] = []
    engine.synthesize(REQUEST, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= REQUEST.nfe_step // 2


def test_cancel_is_heard_between_steps(engine: F5Engine) -> None:
    shares: list[float] = []
    with pytest.raises(errors.Canceled):
        engine.synthesize(
            replace(REQUEST, nfe_step=64), on_progress=shares.append, should_cancel=lambda: shares[-1] > 0.05
        )
    assert shares[-1] < 0.15


def test_a_waiting_request_can_be_canceled() -> None:
    engine = loaded(replace(CONFIG, max_concurrency=1))

    def hold(_share: float) -> None:
        with pytest.raises(errors.Canceled):
            engine.synthesize(REQUEST, should_cancel=lambda: True)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        engine.synthesize(REQUEST, on_progress=hold)
    engine.synthesize(REQUEST)  # both gave their turn back
    engine.close()


def test_a_prepared_reference_is_kept(engine: F5Engine) -> None:
    engine.synthesize(REQUEST)
    kept = len(engine._references)
    engine.synthesize(replace(REQUEST, text="Another text."))
    assert len(engine._references) == kept
    shifted = Waveform(speech_like(2.0, seed=3).samples)
    engine.synthesize(replace(REQUEST, reference=Reference(wav_bytes(shifted), "What was said in here.")))
    assert len(engine._references) == kept + 1


def test_a_long_text_is_spoken_in_chunks(engine: F5Engine) -> None:
    text = "There is nothing new under the sun. We will meet at the station tomorrow morning. " * 6
    result = engine.synthesize(replace(REQUEST, text=text, nfe_step=2))
    assert result.chunks >= 4
    assert result.audio.seconds > 6


class TestALongTextsChunks:
    def test_are_each_one_chunk_of_the_engines(self, engine: F5Engine) -> None:
        pieces = engine.chunks(replace(REQUEST, text=TEXT))
        assert len(pieces) > 5
        assert " ".join(pieces) == engine._planner.check_text(TEXT)
        # What was made ready to be read once stays as it is the second time.
        assert all(engine.chunks(replace(REQUEST, text=piece)) == [piece] for piece in pieces)
        for piece in (pieces[0], max(pieces, key=len), pieces[-1]):
            result = engine.synthesize(replace(REQUEST, text=piece, nfe_step=1))
            assert (result.chunks, result.seed) == (1, REQUEST.seed)

    def test_are_those_that_they_were_but_where_the_text_is_edited(self, engine: F5Engine) -> None:
        before, after = (engine.chunks(replace(REQUEST, text=text)) for text in (TEXT, EDITED))
        assert 1 <= len(changed(before, after)) <= 3

    def test_are_shorter_where_it_is_spoken_more_slowly(self, engine: F5Engine) -> None:
        slow, fast = (engine.chunks(replace(REQUEST, text=TEXT, speed=speed)) for speed in (0.5, 2.0))
        assert len(slow) > len(fast)

    def test_are_one_of_a_short_text(self, engine: F5Engine) -> None:
        assert engine.chunks(REQUEST) == [REQUEST.text]

    def test_are_none_of_what_cannot_be_spoken(self, engine: F5Engine) -> None:
        with pytest.raises(errors.UnsupportedCharacters):
            engine.chunks(replace(REQUEST, text="今天天气很好"))


class TestStreaming:
    TEXT = "There is nothing new under the sun. We will meet at the station tomorrow morning. " * 4

    def test_each_chunk_leaves_before_the_next_ones_first_step(self, engine: F5Engine) -> None:
        steps = [engine.stats.rows]
        request = replace(REQUEST, text=self.TEXT, nfe_step=2, stream=True)
        result = engine.synthesize(request, on_audio=lambda _: steps.append(engine.stats.rows))
        assert result.chunks >= 4
        assert np.diff(steps).tolist() == [request.nfe_step] * result.chunks

    def test_the_pieces_joined_are_the_audio(self, engine: F5Engine) -> None:
        heard: list[np.ndarray] = []
        request = replace(REQUEST, text=self.TEXT, nfe_step=2, stream=True)
        result = engine.synthesize(request, on_audio=lambda piece: heard.append(piece.samples))
        np.testing.assert_array_equal(np.concatenate(heard), result.audio.samples)

    def test_the_first_piece_is_short(self, engine: F5Engine) -> None:
        heard: list[float] = []
        request = replace(REQUEST, text=self.TEXT, nfe_step=2, stream=True)
        engine.synthesize(request, on_audio=lambda piece: heard.append(piece.seconds))
        assert 0.8 < heard[0] < 4

    def test_progress_rises_to_one_over_all_chunks(self, engine: F5Engine) -> None:
        shares: list[float] = []
        engine.synthesize(replace(REQUEST, text=self.TEXT, nfe_step=2, stream=True), on_progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1

    def test_a_cancel_between_chunks_spares_the_rest(self, engine: F5Engine) -> None:
        heard: list[Waveform] = []
        before = engine.stats.rows
        with pytest.raises(errors.Canceled):
            engine.synthesize(
                replace(REQUEST, text=self.TEXT, nfe_step=2, stream=True),
                on_audio=heard.append,
                should_cancel=lambda: bool(heard),
            )
        assert len(heard) == 1
        assert engine.stats.rows - before <= 2 + 2  # the first chunk's steps, and two more at the most

    def test_a_short_text_is_spoken_as_if_it_were_not_streamed(self, engine: F5Engine) -> None:
        streamed = engine.synthesize(replace(REQUEST, stream=True))
        np.testing.assert_array_equal(streamed.audio.samples, engine.synthesize(REQUEST).audio.samples)


def test_speed_shortens_and_lengthens(engine: F5Engine) -> None:
    text = "We will meet at the station."
    slow, normal, fast = (
        engine.synthesize(replace(REQUEST, text=text, speed=speed, nfe_step=2, cross_fade_seconds=0.0)).audio.seconds
        for speed in (0.5, 1.0, 2.0)
    )
    assert slow == pytest.approx(2 * normal, rel=0.1)
    assert fast == pytest.approx(normal / 2, rel=0.15)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (replace(REQUEST, text="   "), errors.EmptyText),
        (replace(REQUEST, text="今天天气很好"), errors.UnsupportedCharacters),
        (replace(REQUEST, reference=Reference(b"", "Hello.")), errors.EmptyAudio),
        (
            replace(REQUEST, reference=Reference(wav_bytes(Waveform(np.zeros(48_000, np.float32))), "Hi.")),
            errors.SilentAudio,
        ),
    ],
)
def test_what_cannot_be_spoken_is_refused_and_the_turn_given_back(
    engine: F5Engine, request_: SynthesisRequest, error: type[errors.TimbreError]
) -> None:
    for _ in range(CONFIG.max_concurrency + 1):
        with pytest.raises(error):
            engine.synthesize(request_)


def test_the_same_bytes_alone_and_under_load_when_deterministic() -> None:
    engine = loaded(replace(CONFIG, deterministic=True))
    others = [replace(REQUEST, text=f"{word} comes and goes.", seed=index) for index, word in enumerate("abc")]
    alone = encode(engine.synthesize(REQUEST).audio, "wav")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(engine.synthesize, [*others, REQUEST]))
    assert encode(found[-1].audio, "wav") == alone
    engine.close()


def test_the_same_audio_under_load_within_a_thousandth(engine: F5Engine) -> None:
    others = [replace(REQUEST, text=f"{word} comes and goes.", seed=index) for index, word in enumerate("abc")]
    alone = engine.synthesize(REQUEST).audio.samples
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(engine.synthesize, [*others, REQUEST]))
    np.testing.assert_allclose(found[-1].audio.samples, alone, atol=1e-3)
