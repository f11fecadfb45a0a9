"""What turns a mel into sound."""

from typing import Protocol

from torch import Tensor


class Vocoder(Protocol):
    @property
    def name(self) -> str: ...

    def decode(self, mel: Tensor) -> Tensor:
        """Log mel [b, frames, n_mels] -> fp32 samples [b, (frames - 1) * 256] at 24 kHz. Needs 4 frames or more."""
        ...
