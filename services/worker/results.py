"""Finished audio on its way into the object store."""

import hashlib
from dataclasses import dataclass, field

from f5_tts_core.audio import encode
from f5_tts_core.audio.loudness import measure_integrated
from f5_tts_core.mastering import master
from f5_tts_core.types import Synthesis
from services.shared.job import Job, JobOutput, output_key


@dataclass(frozen=True)
class Result:
    """An attempt's encoded audio, and what is known of it."""

    output: JobOutput
    content: bytes = field(repr=False)


def encode_result(job: Job, synthesis: Synthesis) -> Result:
    """Raises `NotFiniteOutput`, and `UnsupportedEncoding` for what the API let pass and should not have."""
    asked, encoding = job.input, job.input.encoding
    mastered = master(synthesis.audio, sample_rate=encoding.sample_rate, loudness=asked.loudness, trim=asked.trim)
    content = encode(mastered.audio, encoding.format, bit_depth=encoding.bit_depth, bitrate=encoding.bitrate)
    output = JobOutput(
        key=output_key(job.id, job.attempt, encoding.format),
        format=encoding.format,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        duration_seconds=mastered.audio.seconds,
        sample_rate=encoding.sample_rate,
        seed=synthesis.seed,
        bitrate=encoding.bitrate,
        peak_dbfs=mastered.peak_dbfs,
        loudness_lufs=measure_integrated(mastered.audio),
    )
    return Result(output, content)
