"""Trains the vocoder: a Vocos that turns a mel back into the sound it was taken from."""

from collections.abc import Mapping
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core import limits
from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.network.vocos import Vocos, VocosSizes
from training.average import AveragedWeights
from training.discriminators import Discriminators, critics_loss, fooling_loss
from training.recipe import Recipe, VocoderSizes
from training.speech import Corpus

#: Weights of the losses; the mel's is Vocos's own.
_MEL, _SPECTRAL, _FOOLING, _IMPRESSIONS = 45.0, 2.0, 1.0, 2.0
_RESOLUTIONS: Final = (256, 512, 1024, 2048)
#: Levels that crops are brought to, of their own: references may be louder than the training's.
_GAINS: Final = (0.4, 1.6)
_VALIDATION_BATCHES: Final = 4
_VALIDATION_SEED: Final = 1_000_000_007


def vocos_sizes(sizes: VocoderSizes) -> VocosSizes:
    return VocosSizes(limits.N_MELS, sizes.dim, sizes.inner_dim, sizes.depth, limits.N_FFT)


class VocoderTask:
    """A `Task`. Everything random in a step follows from its number."""

    name = "vocoder"

    def __init__(
        self, recipe: Recipe, network: Vocos, corpus: Corpus, held_out: Corpus, *, adversarial: bool = False
    ) -> None:
        self._sizes, self._seed = recipe.vocoder, recipe.seed
        self._network = network
        self._device = network.head.out.weight.device
        self._samples, self._held_out = (torch.from_numpy(part.samples).to(self._device) for part in (corpus, held_out))
        self._mel = MelSpectrogram().to(self._device)
        self._spectra = Spectra().to(self._device)
        self._average = AveragedWeights(network, self._sizes.optimisation.ema_decay)
        self._optimiser = self._adam(network)
        torch.manual_seed(recipe.seed)
        self._critics = Discriminators(self._sizes.discriminator_shrink).to(self._device) if adversarial else None
        self._critics_optimiser = self._adam(self._critics) if self._critics is not None else None

    def step(self, step: int, rate: float, progress: float) -> Mapping[str, Tensor]:
        real = self._crops(self._samples, self._seed * 1_000_003 + step)
        mel = self._mel(real)
        with self._autocast():
            fake = render(self._network, mel)
        losses = {"mel": F.l1_loss(self._mel(fake), mel), "spectral": self._spectra.distance(fake, real)}
        total = _MEL * losses["mel"] + _SPECTRAL * losses["spectral"]
        if self._critics is not None and progress >= self._sizes.adversarial_from:
            losses["critics"] = self._teach_critics(self._critics, real, fake.detach(), rate)
            with self._autocast():
                losses["fooling"], losses["impressions"] = fooling_loss(self._critics(real), self._critics(fake))
            total = total + _FOOLING * losses["fooling"] + _IMPRESSIONS * losses["impressions"]
        self._descend(self._optimiser, self._network, total, rate)
        self._average.update(step)
        return losses

    def validate(self) -> Mapping[str, float]:
        with torch.no_grad(), self._average.in_place():
            losses = []
            for index in range(_VALIDATION_BATCHES):
                mel = self._mel(self._crops(self._held_out, _VALIDATION_SEED + index))
                losses.append(F.l1_loss(self._mel(render(self._network, mel)), mel))
        return {"held_out_mel": float(torch.stack(losses).mean())}

    def state(self) -> dict[str, Any]:
        state = {"network": self._network.state_dict(), "optimiser": self._optimiser.state_dict()}
        if self._critics is not None and self._critics_optimiser is not None:
            state |= {"critics": self._critics.state_dict(), "critics_optimiser": self._critics_optimiser.state_dict()}
        return state

    def restore(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._average.restore(weights)
        # Critics may join a run that began without them.
        if self._critics is not None and self._critics_optimiser is not None and "critics" in state:
            self._critics.load_state_dict(state["critics"])
            self._critics_optimiser.load_state_dict(state["critics_optimiser"])

    def adopt(self, weights: dict[str, Tensor]) -> None:
        self._network.load_state_dict(weights)
        self._average.restore(weights)

    def weights(self) -> dict[str, Tensor]:
        return self._average.weights

    def _teach_critics(self, critics: Discriminators, real: Tensor, fake: Tensor, rate: float) -> Tensor:
        assert self._critics_optimiser is not None  # noqa: S101 - there are critics
        with self._autocast():
            loss = critics_loss(critics(real), critics(fake))
        self._descend(self._critics_optimiser, critics, loss, rate)
        return loss

    def _descend(self, optimiser: torch.optim.Optimizer, network: nn.Module, loss: Tensor, rate: float) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), self._sizes.optimisation.gradient_clip)
        optimiser.step()

    def _crops(self, samples: Tensor, seed: int) -> Tensor:
        """Random stretches of sound, fp32 [rows, crop]. They may run over the silence between two utterances."""
        generator = torch.Generator(self._device).manual_seed(seed)
        rows, crop = self._sizes.rows, self._sizes.crop
        starts = torch.randint(len(samples) - crop, (rows, 1), generator=generator, device=self._device)
        low, high = _GAINS
        gains = low + (high - low) * torch.rand(rows, 1, generator=generator, device=self._device)
        return samples[starts + torch.arange(crop, device=self._device)] * (gains / 32767)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._sizes.optimisation.bf16)

    def _adam(self, network: nn.Module) -> torch.optim.AdamW:
        optimisation = self._sizes.optimisation
        return torch.optim.AdamW(
            network.parameters(), betas=optimisation.betas, weight_decay=optimisation.weight_decay, fused=True
        )


def render(network: Vocos, mel: Tensor) -> Tensor:
    """`Vocos.decode` with gradients: log mel [b, n_mels, frames] -> samples [b, (frames - 1) * 256]."""
    spectrum = network.head(network.backbone(mel))
    window = torch.hann_window(limits.N_FFT, device=spectrum.device)
    return torch.istft(spectrum, limits.N_FFT, limits.HOP_LENGTH, window=window, center=True)


class Spectra(nn.Module):
    """Magnitude spectra at several resolutions, and how far two sounds are apart in them."""

    def __init__(self) -> None:
        super().__init__()
        for n_fft in _RESOLUTIONS:
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), persistent=False)

    def distance(self, fake: Tensor, real: Tensor) -> Tensor:
        """Of samples [b, t] each: spectral convergence and log magnitudes, a scalar."""
        distances = []
        for n_fft in _RESOLUTIONS:
            ours, theirs = self._magnitudes(fake, n_fft), self._magnitudes(real, n_fft)
            distances.append((ours - theirs).norm() / theirs.norm() + F.l1_loss(ours.log(), theirs.log()))
        return torch.stack(distances).mean()

    def _magnitudes(self, samples: Tensor, n_fft: int) -> Tensor:
        window = self.get_buffer(f"window_{n_fft}")
        spectrum = torch.stft(samples.float(), n_fft, n_fft // 4, window=window, return_complex=True)
        # The root of zero has no slope; silence must not make NaN of the gradients.
        return (spectrum.real.square() + spectrum.imag.square() + 1e-8).sqrt()


def initialise(network: Vocos, seed: int) -> Vocos:
    """Vocos's start: narrow normal weights, and each block's part as small as there are blocks."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, parameter in network.named_parameters():
        if name.endswith(".gamma"):
            nn.init.constant_(parameter, 1 / len(network.backbone.convnext))
    return network
