"""What one forward is made of: several takes as the rows of a batch, and the lanes that guidance adds."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from f5_tts_core.devices import moved
from f5_tts_core.network.buckets import stacked
from f5_tts_core.network.dit import DiT, Modulation
from f5_tts_core.network.replay import Velocity
from f5_tts_core.takes import Take


@dataclass(frozen=True)
class Schedule:
    """The solver's times, and the modulation of all of them: it depends on nothing else, so it is kept."""

    times: list[float]
    modulation: Modulation

    @property
    def bytes(self) -> int:
        return sum(part.numel() * part.element_size() for part in self.modulation)


@dataclass(frozen=True)
class Batch:
    """What stays as it is while the same takes share forwards. Unconditional lanes of the guided ones are behind."""

    takes: Sequence[Take]
    #: Index into `takes` of each lane, and of each guided take; on the device.
    lanes: Tensor
    guided: Tensor
    #: What is given to each lane: [lanes, padded, dim].
    given: Tensor
    #: Frames of each lane, and the guidance's strength of each guided take [guided, 1, 1].
    lengths: Tensor
    strength: Tensor

    @classmethod
    def of(cls, takes: Sequence[Take]) -> "Batch":
        guided = [index for index, take in enumerate(takes) if take.guided]
        lanes = [*range(len(takes)), *guided]
        given = stacked([take.given for take in takes] + [takes[index].nothing_given for index in guided])
        return cls(
            takes,
            lanes=moved(torch.tensor(lanes), given.device),
            guided=moved(torch.tensor(guided, dtype=torch.int64), given.device),
            given=given,
            lengths=moved(torch.tensor([takes[lane].prompt.frames for lane in lanes]), given.device),
            strength=column([takes[index].prompt.cfg_strength for index in guided], given.device),
        )


def place(take: Take, device: torch.device, network: DiT) -> None:
    """Bring a take's tensors to the device, and embed its reference and text once."""
    if take.state is not None:
        return
    prompt = take.prompt
    tokens, cond = moved(prompt.tokens, device), stacked([moved(prompt.cond, device)])
    take.given = network.embed_given(cond, stacked([network.embed_text(tokens, prompt.frames)]))[0]
    if take.guided:
        dropped = stacked([network.embed_text(tokens, prompt.frames, drop=True)])
        take.nothing_given = network.embed_given(torch.zeros_like(cond), dropped)[0]
    take.state = moved(prompt.noise, device)


def guided_velocity(velocity_of: Velocity, batch: Batch, schedules: Sequence[Schedule], state: Tensor) -> Tensor:
    """One forward for all takes: velocity [takes, frames, n_mels]."""
    at = [(schedule.modulation, take.step) for schedule, take in zip(schedules, batch.takes, strict=True)]
    modulation = Modulation(
        blocks=torch.stack([modulation.blocks[step] for modulation, step in at])[batch.lanes],
        out=torch.stack([modulation.out[step] for modulation, step in at])[batch.lanes],
    )
    velocity = velocity_of(state[batch.lanes], batch.given, modulation, batch.lengths)
    conditional, unconditional = velocity[: len(batch.takes)], velocity[len(batch.takes) :]
    if len(unconditional):
        guidance = conditional[batch.guided] - unconditional
        conditional = conditional.index_add(0, batch.guided, guidance * batch.strength)
    return conditional


def column(values: Sequence[float], device: torch.device) -> Tensor:
    return moved(torch.tensor(values, dtype=torch.float32), device)[:, None, None]
