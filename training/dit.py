"""Trains the acoustic model: flow matching, as F5-TTS does it, on pairs of reference and speech."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from f5_tts_core.network.attention import frames_within
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import AdaptiveNorm
from training.average import AveragedWeights
from training.batches import Batch, BatchMaker
from training.errors import TrainingError
from training.optimiser import Optimiser
from training.recipe import DitSizes, Recipe
from training.text_batch import embed_texts

#: Of the random spans to be spoken: how much of a row at least, and how often they are its end.
_SPAN: Final = 0.6
_AT_THE_END: Final = 0.7
_VALIDATION_BATCHES: Final = 8
_VALIDATION_STREAM: Final = 1


class DitTask:
    """A `Task`. The network is trained as it stands: what is exported is its averaged weights."""

    name = "dit"

    def __init__(
        self,
        recipe: Recipe,
        network: DiT,
        batches: BatchMaker,
        held_out: BatchMaker,
        *,
        compiled: bool = False,
    ) -> None:
        self._sizes, self._seed = recipe.dit, recipe.seed
        self._network = network
        self._batches, self._held_out = batches, held_out
        self._average = AveragedWeights(network, recipe.dit.optimisation.ema_decay)
        self._optimiser = Optimiser(network, recipe.dit.optimisation)
        self._ahead = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[Batch]] | None = None
        if compiled:
            # For each bucket with gradients and without, and the first block is given another precision.
            torch._dynamo.config.recompile_limit = 8 * len(recipe.dit.buckets)
            for block in [*network.text_embed.text_blocks, *network.transformer_blocks]:
                block.compile(dynamic=False)

    def step(self, step: int, rate: float, progress: float) -> Mapping[str, Tensor]:
        loss = self._loss(self._batch(step), step)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self._sizes.optimisation.gradient_clip)
        self._optimiser.step(rate)
        self._average.update(step)
        return {"loss": loss, "gradient": norm}

    def validate(self) -> Mapping[str, float]:
        with torch.no_grad(), self._average.in_place():
            batches = (self._held_out.batch(index, stream=_VALIDATION_STREAM) for index in range(_VALIDATION_BATCHES))
            losses = [self._loss(batch, index) for index, batch in enumerate(batches)]
        return {"held_out_loss": float(torch.stack(losses).mean())}

    def state(self) -> dict[str, Any]:
        return {"network": self._network.state_dict(), "optimiser": self._optimiser.state_dict()}

    def restore(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._average.restore(weights)

    def adopt(self, weights: dict[str, Tensor]) -> None:
        self._network.load_state_dict(weights)
        self._average.restore(weights)

    def weights(self) -> dict[str, Tensor]:
        return self._average.weights

    def _batch(self, step: int) -> Batch:
        """The step's batch; the next one is made while this one is learnt."""
        future = (
            self._next[1] if self._next and self._next[0] == step else self._ahead.submit(self._batches.batch, step)
        )
        self._next = (step + 1, self._ahead.submit(self._batches.batch, step + 1))
        return future.result()

    def _loss(self, batch: Batch, step: int) -> Tensor:
        device = batch.mel.device
        generator = torch.Generator(device).manual_seed(self._seed * 1_000_003 + step)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._sizes.optimisation.bf16):
            return flow_loss(self._network, batch, self._sizes, generator)


def flow_loss(network: DiT, batch: Batch, sizes: DitSizes, generator: torch.Generator) -> Tensor:
    """How far the network's velocity is from the straight way between noise and mel, where it is to speak."""
    rows, device = len(batch.mel), batch.mel.device
    noise = torch.randn(batch.mel.shape, generator=generator, device=device)
    time = _times(rows, generator, device)
    noisy = torch.lerp(noise, batch.mel, time[:, None, None])
    spoken = spans(batch, generator)
    no_reference = _chance(rows, sizes.drop_reference, generator, device)
    no_text = no_reference & _chance(rows, sizes.drop_text, generator, device)
    cond = batch.mel * ~(spoken | no_reference[:, None])[..., None]
    text = embed_texts(network.text_embed, batch.tokens, batch.lengths, no_text)
    with torch.autocast(device.type, enabled=False):
        modulation = network.modulate(time)
    velocity = network(noisy, cond, text, modulation, batch.lengths)
    wrong = F.mse_loss(velocity.float(), batch.mel - noise, reduction="none").mean(dim=-1)
    return (wrong * spoken).sum() / spoken.sum()


def spans(batch: Batch, generator: torch.Generator) -> Tensor:
    """The frames to be spoken, bool [b, n]: of a pair the second utterance, of one alone a long random span."""
    rows, frames, _ = batch.mel.shape
    device = batch.mel.device
    share, place = torch.rand(2, rows, generator=generator, device=device)
    width = ((_SPAN + (1 - _SPAN) * share) * batch.lengths).long().clamp(min=1)
    start = (place * (batch.lengths - width + 1)).long()
    start = torch.where(_chance(rows, _AT_THE_END, generator, device), batch.lengths - width, start)
    continues = batch.references > 0
    start = torch.where(continues, batch.references, start)
    end = torch.where(continues, batch.lengths, start + width)
    return frames_within(end, frames) & ~frames_within(start, frames)


def _times(rows: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Half uniform, half bell-shaped: the middle of the way is where the words take shape."""
    uniform = torch.rand(rows, generator=generator, device=device)
    bell = torch.sigmoid(torch.randn(rows, generator=generator, device=device))
    return torch.where(_chance(rows, 0.5, generator, device), bell, uniform)


def _chance(rows: int, share: float, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand(rows, generator=generator, device=device) < share


def start_from(network: DiT, checkpoint: Path) -> None:
    """Takes over what another checkpoint has by the same name and in the same shape. Raises `TrainingError`."""
    prefix, own = "ema_model.transformer.", network.state_dict()
    found = {name.removeprefix(prefix): weight for name, weight in load_file(checkpoint).items()}
    taken = {name: weight for name, weight in found.items() if name in own and own[name].shape == weight.shape}
    if not taken:
        raise TrainingError(f"{checkpoint} has no weight that fits this network.")
    network.load_state_dict(own | taken)


def initialise(network: DiT, seed: int) -> DiT:
    """F5-TTS's start: every block and the output at zero, so that learning decides when each takes part."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            module.reset_parameters()
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.5)
    norms = [module.linear for module in network.modules() if isinstance(module, AdaptiveNorm)]
    for layer in [*norms, network.proj_out]:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return network
