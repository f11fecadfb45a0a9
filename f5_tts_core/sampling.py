"""Flow matching, read plainly: the solver's time grid, and one request sampled by itself.

The engine batches the same steps over many requests; `sample` is what its rows must come out as.
"""

import math
from typing import Final

import torch
from torch import Tensor

from f5_tts_core.network.dit import DiT, Modulation

#: Empirically pruned step sampling: for these step counts F5 keeps the steps of a grid of 32 that matter most.
EPSS: Final[dict[int, tuple[int, ...]]] = {
    5: (0, 2, 4, 8, 16, 32),
    6: (0, 2, 4, 6, 8, 16, 32),
    7: (0, 2, 4, 6, 8, 16, 24, 32),
    10: (0, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32),
    12: (0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32),
    16: (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32),
}

#: Guidance weaker than this is none, and its forward is left out.
MIN_CFG_STRENGTH: Final = 1e-5


def time_grid(steps: int, sway: float | None) -> Tensor:
    """The times between which the solver steps: fp32 [steps + 1], from 0 to 1.

    `sway` below 0 moves them toward the start, where the speech takes shape; None or 0 leaves them.
    """
    if steps in EPSS:
        times = torch.tensor(EPSS[steps], dtype=torch.float32) / 32
    else:
        times = torch.linspace(0, 1, steps + 1, dtype=torch.float32)
    if sway:
        times = times + sway * (torch.cos(math.pi / 2 * times) - 1 + times)
    return times


def modulation_table(dit: DiT, grid: Tensor) -> Modulation:
    """The network's modulation at each step's start: blocks [steps, depth, 6 * dim], out [steps, 2 * dim]."""
    return dit.modulate(grid[:-1].to(dit.device))


@torch.inference_mode()
def sample(
    dit: DiT,
    cond_mel: Tensor,
    tokens: Tensor,
    frames: int,
    noise: Tensor,
    *,
    steps: int,
    cfg_strength: float,
    sway: float | None,
) -> Tensor:
    """One request: fp32 mel [frames, mel_dim], its first frames those of the reference as given.

    `cond_mel` [reference frames, mel_dim] is shorter than `frames`; `tokens` [nt] holds the reference's transcript and
    the text; `noise` [frames, mel_dim] is where the flow starts. Guidance of 0 makes no unconditional forward.
    """
    reference_frames = len(cond_mel)
    cond = torch.nn.functional.pad(cond_mel.float(), (0, 0, 0, frames - reference_frames))
    guided = cfg_strength >= MIN_CFG_STRENGTH
    rows = [(cond, dit.embed_text(tokens, frames))]
    if guided:
        rows.append((torch.zeros_like(cond), dit.embed_text(tokens, frames, drop=True)))
    given = dit.embed_given(*(torch.stack(column) for column in zip(*rows, strict=True)))

    grid = time_grid(steps, sway).to(dit.device)
    table = modulation_table(dit, grid)
    state = noise.float()
    for step in range(steps):
        modulation = Modulation(*(part[step].expand(len(rows), *part[step].shape) for part in table))
        velocity = dit.velocity(state.expand(len(rows), *state.shape), given, modulation, None)
        flow = velocity[0] + cfg_strength * (velocity[0] - velocity[1]) if guided else velocity[0]
        state = state + (grid[step + 1] - grid[step]) * flow
    return torch.cat([cond_mel.float(), state[reference_frames:]])
