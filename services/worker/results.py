"""Finished audio on its way into the object store."""

import hashlib
from dataclasses import dataclass, field

from f5_tts_core.audio import CONTENT_TYPES, encode
from f5_tts_core.types import Synthesis
from services.shared.job import Job, JobOutput, output_key


@dataclass(frozen=True)
class Result:
    """An attempt's encoded audio, and the record that will name it."""

    output: JobOutput
    content: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.output.format]


def encode_result(job: Job, synthesis: Synthesis) -> Result:
    """Raises `NotFiniteOutput`."""
    content = encode(synthesis.audio, job.input.format)
    output = JobOutput(
        key=output_key(job.id, job.attempt, job.input.format),
        format=job.input.format,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        duration_seconds=synthesis.audio.seconds,
        sample_rate=synthesis.audio.sample_rate,
        seed=synthesis.seed,
    )
    return Result(output, content)
