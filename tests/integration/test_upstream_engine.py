"""`ENGINE=upstream`: the reference packages behind our port, with the bundled checkpoint."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from threading import Event, Thread

import numpy as np
import pytest
import torch

from f5_tts_core import errors
from f5_tts_core.engine import Engine, EngineConfig, create_engine
from f5_tts_core.types import Reference, SynthesisRequest
from tests.long_text import EDITED, TEXT, changed

CONFIG = EngineConfig(device="cpu", precision="fp32", threads=1)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = create_engine("upstream", CONFIG)
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def request_() -> SynthesisRequest:
    sample = files("f5_tts_core") / "assets" / "sample"
    reference = Reference((sample / "reference.wav").read_bytes(), (sample / "reference.txt").read_text().strip())
    return SynthesisRequest("Good morning to you.", reference, seed=5, nfe_step=3)


def test_it_speaks_and_reports_each_step(engine: Engine, request_: SynthesisRequest) -> None:
    shares: list[float] = []
    spoken = engine.synthesize(request_, on_progress=shares.append)
    assert shares == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert 0.5 < spoken.audio.seconds < 5
    assert spoken.audio.samples.dtype == np.float32
    assert 0.01 < float(np.sqrt(np.mean(spoken.audio.samples**2))) < 0.5
    assert (spoken.seed, spoken.chunks) == (5, 1)


def test_the_same_seed_is_the_same_audio(engine: Engine, request_: SynthesisRequest) -> None:
    first, second = (engine.synthesize(request_).audio.samples for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_each_piece_of_a_long_text_is_one_chunk_and_an_edit_changes_few(
    engine: Engine, request_: SynthesisRequest
) -> None:
    before, after = (engine.chunks(replace(request_, text=text)) for text in (TEXT, EDITED))
    assert len(before) > 5
    assert 1 <= len(changed(before, after)) <= 3
    result = engine.synthesize(replace(request_, text=max(before, key=len), nfe_step=1))
    assert (result.chunks, result.seed) == (1, request_.seed)
    assert engine.chunks(request_) == [request_.text]


def test_it_describes_itself(engine: Engine) -> None:
    info = engine.describe()
    assert (info.engine, info.model, info.device, info.precision) == ("upstream", "timbre-tiny", "cpu", "fp32")
    assert (info.vocoder, info.parameters) == ("griffin-lim", 9_112_164)


def test_a_cancel_takes_effect_between_steps_and_leaves_nothing_behind(
    engine: Engine, request_: SynthesisRequest
) -> None:
    before = engine.synthesize(request_).audio.samples
    shares: list[float] = []
    with pytest.raises(errors.Canceled):
        engine.synthesize(request_, on_progress=shares.append, should_cancel=lambda: len(shares) == 2)
    assert len(shares) == 2
    np.testing.assert_array_equal(engine.synthesize(request_).audio.samples, before)


def test_a_request_that_waits_for_its_turn_can_be_canceled(engine: Engine, request_: SynthesisRequest) -> None:
    begun, go_on = Event(), Event()

    def hold(_share: float) -> None:
        begun.set()
        assert go_on.wait(30)

    first = Thread(target=engine.synthesize, args=(request_,), kwargs={"on_progress": hold})
    first.start()
    try:
        assert begun.wait(30)
        with pytest.raises(errors.Canceled, match="waited"):
            engine.synthesize(request_, should_cancel=lambda: True)
    finally:
        go_on.set()
        first.join(30)


def test_bf16_is_refused() -> None:
    engine = create_engine("upstream", EngineConfig(device="cpu", precision="bf16"))
    with pytest.raises(errors.EngineError, match="bf16"):
        engine.load()


def test_the_random_state_of_others_is_left_alone(engine: Engine, request_: SynthesisRequest) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    engine.synthesize(request_)
    torch.testing.assert_close(torch.rand(3), expected, atol=0, rtol=0)


def test_without_the_packages_it_names_the_extra_that_brings_them() -> None:
    program = """
import sys
sys.modules["f5_tts"] = None  # what an import of a package that is not installed comes to
from f5_tts_core.errors import UnknownEngine
from f5_tts_core.upstream_packages import load_upstream
try:
    load_upstream()
except UnknownEngine as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert "pip install 'timbre[reference]'" in done.stdout
