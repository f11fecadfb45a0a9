"""What turns a mel into sound."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Vocoder(Protocol):
    @property
    def name(self) -> str: ...

    def decode(self, mels: Sequence[Tensor]) -> Sequence[Tensor]:
        """Log mels [frames, n_mels] of any lengths, 4 or more -> of each, fp32 samples [(frames - 1) * 256] at 24 kHz.

        No sound depends on the mels beside its own.
        """
        ...
