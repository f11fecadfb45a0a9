"""What the batcher works on: takes (one try at a chunk) and the ticket a request waits on for its takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition

from torch import Tensor

from f5_tts_core.errors import TimbreError
from f5_tts_core.sampling import MIN_CFG_STRENGTH


@dataclass(frozen=True)
class Prompt:
    """Everything that stays as it is while a chunk is solved. Lives on the CPU, in fp32."""

    #: Reference mel, zero where speech is to come: [frames, n_mels].
    cond: Tensor
    #: Token ids of transcript and text together: [tokens].
    tokens: Tensor
    #: Where the solver starts: [frames, n_mels].
    noise: Tensor
    nfe_step: int
    cfg_strength: float
    sway_coef: float

    @property
    def frames(self) -> int:
        return self.cond.shape[0]


@dataclass(eq=False)
class Take:
    """One try at a chunk, between solver steps. Only the device thread touches what is not frozen."""

    prompt: Prompt
    ticket: "Ticket"
    #: Which chunk of the text it is.
    index: int
    #: Index into the batcher's placements; a take that fails on one starts over on the next.
    rung: int = 0
    step: int = 0
    #: The solver's state: [frames, n_mels], fp32, on the rung's device.
    state: Tensor | None = None
    #: What reference and text give to each step, and what is given without either (None without guidance).
    given: Tensor | None = None
    nothing_given: Tensor | None = None

    @property
    def guided(self) -> bool:
        return self.prompt.cfg_strength >= MIN_CFG_STRENGTH

    def start_over(self, rung: int) -> None:
        self.ticket.rewind(self.step)
        self.rung, self.step = rung, 0
        self.state = self.given = self.nothing_given = None


@dataclass(eq=False)
class Ticket:
    """A request's place in the batcher: filled by the device thread, waited on by the requesting one."""

    total_steps: int
    chunks: int
    canceled: bool = False
    #: Number of the last forward that served the request; the batcher serves the longest waiting first.
    served: int = -1
    steps_done: int = 0
    #: Device seconds in forwards that this request took part in.
    network_seconds: float = 0.0
    _mels: dict[int, Tensor] = field(default_factory=dict)
    _error: TimbreError | None = None
    _changed: Condition = field(default_factory=Condition)

    def progress(self) -> Iterator[float]:
        """The share of steps done, 0..1, whenever it changed; ends when all takes have. Raises what failed them."""
        seen = -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=seen: self.steps_done != seen or self._over)  # type: ignore[misc]
                if self._error is not None:
                    raise self._error
                seen, over = self.steps_done, self._over
            yield seen / self.total_steps
            if over:
                return

    @property
    def mels(self) -> Sequence[Tensor]:
        """The finished mels, a chunk each, in the order of the text."""
        return [self._mels[index] for index in range(self.chunks)]

    def cancel(self) -> None:
        self.canceled = True

    def advance(self, seconds: float) -> None:
        with self._changed:
            self.steps_done += 1
            self.network_seconds += seconds
            self._changed.notify_all()

    def rewind(self, steps: int) -> None:
        with self._changed:
            self.steps_done -= steps

    def finish(self, index: int, mel: Tensor) -> None:
        with self._changed:
            self._mels[index] = mel
            self._changed.notify_all()

    def fail(self, error: TimbreError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    @property
    def failed(self) -> bool:
        return self._error is not None

    @property
    def _over(self) -> bool:
        return self._error is not None or len(self._mels) == self.chunks
