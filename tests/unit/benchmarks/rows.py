"""A row of the quality benchmark, complete and plausible."""

from benchmarks.measuring import Row

ROW = Row(
    sentence="The river was frozen.",
    voice="f5",
    nfe_step=16,
    seed=1,
    is_heard=True,
    words=0.6,
    words_teacher=1.0,
    words_floor=0.2,
    speaker=0.8,
    speaker_teacher=0.9,
    speaker_other=0.5,
    distance=6.0,
    distance_floor=9.0,
    distance_other=12.0,
    failure=None,
    audio_seconds=2.0,
    work_seconds=1.0,
)
