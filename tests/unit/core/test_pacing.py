"""Tokens one a frame, when they are due, and how long a text takes by them."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from f5_tts_core import errors, limits
from f5_tts_core.architecture import Architecture
from f5_tts_core.manifest import Manifest
from f5_tts_core.plan import Planner
from f5_tts_core.reference import ReferenceClip, ReferenceReport
from f5_tts_core.text.pacing import Pacing, split_end
from f5_tts_core.text.vocabulary import Vocabulary
from f5_tts_core.types import Waveform

SECONDS = {" ": 0.01, ",": 0.2, ".": 0.3, "?": 0.3, "a": 0.1, "k": 0.05, "z": 0.2}
PACING = Pacing(SECONDS)
EDGE = round(limits.EDGE_SECONDS * limits.FRAMES_PER_SECOND)
REPORT = ReferenceReport(2.0, 2.0, 0.5, 0.1, 0.0, cut=False)


def runs(tokens: list[str]) -> list[tuple[str, int]]:
    return [(token, len(list(group))) for token, group in groupby(tokens)]


def test_each_token_takes_its_share_of_the_frames_between_the_edges() -> None:
    frames = 2 * EDGE + 70
    assert runs(PACING.spread(list("akz?"), frames)) == [(" ", EDGE), ("a", 20), ("k", 10), ("z", 40), ("?", EDGE)]


def test_the_last_syllable_before_a_pause_is_drawn_out() -> None:
    seconds = {" ": 0.01, ",": 0.2, ".": 0.3, "AH0": 0.1, "IY1": 0.1, "K": 0.1}
    words = ["IY1", "K", " ", "IY1", "K", ",", "K", "AH0", "K", " ", "K", "IY1", "."]
    spoken = runs(Pacing(seconds).spread(words, 2 * EDGE + 400))[1:-1]
    usual = spoken[0][1]
    times = [(token, round(frames / usual, 1)) for token, frames in spoken if token != " "]
    assert times == [
        *(("IY1", 1.0), ("K", 1.0), ("IY1", 1.5), ("K", 1.2), (",", 2.0)),
        *(("K", 1.0), ("AH0", 1.0), ("K", 1.0), ("K", 1.0), ("IY1", 1.5)),
    ]
    assert Pacing(seconds).usual_seconds(["IY1", "K"]) == pytest.approx(0.154 + 0.123)


def test_a_text_without_a_final_pause_ends_in_a_period() -> None:
    assert PACING.spread(list("az"), 40)[-EDGE:] == ["."] * EDGE
    assert PACING.spread(list("az "), 40) == PACING.spread(list("az."), 40)


@given(st.lists(st.sampled_from("akz ,.?"), max_size=40), st.integers(1, 400))
def test_every_frame_has_a_token_and_order_is_kept(tokens: list[str], frames: int) -> None:
    spread = PACING.spread(tokens, frames)
    assert len(spread) == frames
    body = [token for token, _ in groupby(spread[min(EDGE, frames // 2) : frames - min(EDGE, frames // 2)])]
    said, end = split_end(tokens)
    left = iter([*said, end])
    assert all(token in left for token in body)  # each is found after the one before it


def test_seconds_follow_the_voice_s_own_tempo() -> None:
    usual = PACING.usual_seconds("akzakz")
    assert usual == pytest.approx(0.7)
    for tempo in (0.8, 1.0, 1.5):
        heard = usual / tempo + 2 * limits.EDGE_SECONDS
        seconds = PACING.estimate_seconds("zzzza", reference_seconds=heard, reference_tokens="akzakz.", speed=1.0)
        assert seconds == pytest.approx(0.9 / tempo + 2 * limits.EDGE_SECONDS)


def test_speed_shortens_and_a_bad_transcript_does_not_run_away() -> None:
    def seconds(reference_seconds: float, speed: float) -> float:
        return PACING.estimate_seconds(
            "z" * 20, reference_seconds=reference_seconds, reference_tokens="zzzzz", speed=speed
        )

    assert seconds(1.1, 2.0) == pytest.approx(seconds(1.1, 1.0) / 2)
    assert seconds(100.0, 1.0) == pytest.approx(2 * 4.0 + 2 * limits.EDGE_SECONDS)
    assert seconds(0.11, 1.0) == pytest.approx(4.0 / 2 + 2 * limits.EDGE_SECONDS)


def test_even_a_text_of_nothing_takes_a_moment() -> None:
    assert PACING.estimate_seconds("", reference_seconds=1.0, reference_tokens="", speed=1.0) >= 0.5


def planner(tokens: str, seconds: dict[str, float] | None) -> Planner:
    manifest = Manifest(
        "paced",
        Architecture(dim=16, depth=1, heads=1, ff_mult=1, text_dim=16, conv_layers=0),
        "characters",
        Path("model.safetensors"),
        Path("vocab.txt"),
        reference_seconds=3.0,
        total_seconds=6.0,
        token_seconds=seconds,
    )
    return Planner(manifest, Vocabulary(list(tokens)))


def test_a_planner_paces_transcript_and_text_each_over_its_own_frames() -> None:
    samples = np.zeros(2 * limits.SAMPLE_RATE, np.float32)
    clip = ReferenceClip(Waveform(samples, limits.SAMPLE_RATE), "aka.", 1.0, REPORT)
    reference_frames = len(samples) // limits.HOP_LENGTH + 1
    vocabulary = list(SECONDS)
    chunks = planner("".join(vocabulary), SECONDS).chunks("kaza zak, " * 12 + "zak?", clip, speed=1.0)
    assert len(chunks) > 1
    for chunk in chunks:
        spoken = [vocabulary[token] for token in chunk.tokens]
        assert spoken[:reference_frames] == PACING.spread("aka.", reference_frames)
        assert spoken[reference_frames:] == PACING.spread(chunk.text, chunk.speech_frames)
        assert clip.audio.seconds + chunk.speech_frames / limits.FRAMES_PER_SECOND <= 6.0 + 0.01
    assert vocabulary[chunks[-1].tokens[-1]] == "?"


@pytest.mark.parametrize("tokens", ["ak .x", "ak."], ids=["no seconds", "no silence"])
def test_a_model_that_cannot_pace_all_that_it_reads_is_refused(tokens: str) -> None:
    with pytest.raises(errors.CheckpointMismatch, match="token_seconds"):
        planner(tokens, SECONDS)
