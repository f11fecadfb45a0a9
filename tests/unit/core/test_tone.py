"""The engine that hums."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from f5_tts_core import errors
from f5_tts_core.engine import EngineConfig, create_engine
from f5_tts_core.reference import prepare_reference
from f5_tts_core.testing import ToneEngine, create, speech_like, wav_bytes
from f5_tts_core.types import Reference, SynthesisRequest

WORDS = "These words take a voice about three seconds to say."
REFERENCE = Reference(wav_bytes(speech_like(3.0, seed=1)), WORDS)


def request(text: str = WORDS, **changes) -> SynthesisRequest:  # type: ignore[no-untyped-def]
    return SynthesisRequest(text, changes.pop("reference", REFERENCE), **{"seed": 1, "nfe_step": 4, **changes})


@pytest.fixture
def engine() -> ToneEngine:
    engine = ToneEngine()
    engine.load()
    return engine


def test_same_request_same_samples(engine: ToneEngine) -> None:
    first, second = engine.synthesize(request()), engine.synthesize(request())
    np.testing.assert_array_equal(first.audio.samples, second.audio.samples)
    assert first.seed == second.seed == 1


@pytest.mark.parametrize(
    "other",
    [
        request(seed=2),
        request("Other words."),
        request(reference=Reference(wav_bytes(speech_like(3.0, seed=2)), WORDS)),
    ],
)
def test_text_reference_and_seed_each_change_the_tone(engine: ToneEngine, other: SynthesisRequest) -> None:
    ours, theirs = engine.synthesize(request()).audio.samples, engine.synthesize(other).audio.samples
    assert not np.array_equal(ours[:1_000], theirs[:1_000])


def test_length_follows_the_text_and_the_speed(engine: ToneEngine) -> None:
    seconds = engine.synthesize(request()).audio.seconds
    assert seconds == pytest.approx(3.0, abs=0.1)
    assert engine.synthesize(request(speed=2.0)).audio.seconds == pytest.approx(seconds / 2, rel=0.01)


def test_a_seed_is_drawn_when_none_is_given(engine: ToneEngine) -> None:
    seeds = {engine.synthesize(request(seed=None)).seed for _ in range(5)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_each_step_takes_its_time_reports_and_asks() -> None:
    slept: list[float] = []
    shares: list[float] = []
    engine = ToneEngine(step_seconds=0.5, sleep=slept.append)
    engine.load()
    engine.synthesize(request(), on_progress=shares.append)
    assert slept == [0.5] * 4
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_streamed_it_hands_out_each_steps_share(engine: ToneEngine) -> None:
    heard: list[tuple[int, np.ndarray]] = []
    shares: list[float] = []
    whole = engine.synthesize(
        request(stream=True),
        on_progress=shares.append,
        on_audio=lambda piece: heard.append((len(shares), piece.samples)),
    ).audio.samples
    assert [steps for steps, _ in heard] == [1, 2, 3, 4]
    np.testing.assert_array_equal(np.concatenate([piece for _, piece in heard]), whole)


def test_not_streamed_it_hands_out_all_at_the_end(engine: ToneEngine) -> None:
    heard: list[np.ndarray] = []
    whole = engine.synthesize(request(), on_audio=lambda piece: heard.append(piece.samples)).audio.samples
    np.testing.assert_array_equal(heard, [whole])


def test_cancel_takes_effect_after_the_step(engine: ToneEngine) -> None:
    shares: list[float] = []
    with pytest.raises(errors.Canceled):
        engine.synthesize(request(), on_progress=shares.append, should_cancel=lambda: len(shares) == 2)
    assert shares == [0.25, 0.5]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (request("..."), errors.EmptyText),
        (request(reference=Reference(b"", WORDS)), errors.EmptyAudio),
        (request(reference=Reference(wav_bytes(np.zeros(72_000)), WORDS)), errors.SilentAudio),
        (request(reference=Reference(REFERENCE.audio, "Hm.")), errors.TranscriptMismatch),
    ],
)
def test_it_refuses_what_a_real_engine_refuses(
    engine: ToneEngine, wrong: SynthesisRequest, expected: type[errors.TimbreError]
) -> None:
    with pytest.raises(expected):
        engine.synthesize(wrong)


def test_faults_are_scripted_by_markers() -> None:
    engine = ToneEngine(faults={"[oom]": errors.OutOfMemory("The device ran out of memory.")})
    engine.load()
    engine.synthesize(request())
    with pytest.raises(errors.OutOfMemory):
        engine.synthesize(request("Say [oom] now"))


def test_no_more_requests_than_slots_run_at_once() -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def sleep(_: float) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        barrier_free.wait(0.01)
        with lock:
            inside -= 1

    barrier_free = threading.Event()
    engine = ToneEngine(EngineConfig(max_concurrency=2), step_seconds=1.0, sleep=sleep)
    engine.load()
    threads = [threading.Thread(target=engine.synthesize, args=(request(),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_it_must_be_loaded_and_not_closed() -> None:
    engine = ToneEngine()
    with pytest.raises(errors.EngineError, match="not loaded"):
        engine.synthesize(request())
    engine.load()
    engine.close()
    with pytest.raises(errors.EngineError, match="not loaded"):
        engine.synthesize(request())


def test_it_is_found_by_name_and_says_what_it_is() -> None:
    engine = create_engine("tone", EngineConfig())
    assert isinstance(engine, ToneEngine)
    assert engine.describe().engine == "tone"
    assert engine.describe().parameters == 0


def test_the_environment_slows_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONE_STEP_SECONDS", "0.001")
    slow = create(EngineConfig())
    slow.load()
    assert slow.synthesize(request(nfe_step=20)).timings["total"] >= 0.02


@pytest.mark.parametrize("seconds", [1.0, 2.0, 3.5, 8.0])
def test_speech_like_audio_is_taken_for_speech(seconds: float) -> None:
    for seed in range(3):
        clip = prepare_reference(wav_bytes(speech_like(seconds, seed=seed)), None)
        assert clip.audio.seconds == pytest.approx(seconds, abs=0.2)


def test_the_torch_free_half_of_the_core_is_free_of_torch() -> None:
    modules = "f5_tts_core.testing, f5_tts_core.joining, f5_tts_core.text.chunks, f5_tts_core.text.front_end"
    code = f"import sys, {modules}; print([m for m in ('torch', 'rjieba', 'pypinyin') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
