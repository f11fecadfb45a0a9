"""The packages f5-tts and vocos as they ship, and the same in bf16, on the weights that ours has."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.engine.parts import PartUnavailable
from benchmarks.engine.peers import Spoken
from benchmarks.engine.utterances import Chunk, Utterance
from f5_tts_core import errors, limits
from f5_tts_core.checkpoint import fill, load_dit_state, read_vocos_state
from f5_tts_core.devices import DTYPES
from f5_tts_core.manifest import Manifest
from f5_tts_core.network.layers import rotary_frequencies
from f5_tts_core.network.vocos import VocosSizes
from f5_tts_core.threads import compute_with
from f5_tts_core.types import EngineStats
from f5_tts_core.upstream_packages import load_upstream


class UpstreamPeer:
    """`CFM.sample` with the schedule, guidance and sway that upstream's own inference passes, a chunk at a time.

    All on one thread, whoever asks: one team of OpenMP's threads, as ours has.
    """

    name = "upstream"
    stats = EngineStats()

    def __init__(self, manifest: Manifest, device: str, precision: str) -> None:
        self.precision = precision
        self._device = torch.device(device)
        self._thread = ThreadPoolExecutor(1, "upstream", initializer=compute_with, initargs=(0,))
        try:
            self._thread.submit(self._load, manifest).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def _load(self, manifest: Manifest) -> None:
        try:
            packages: Any = load_upstream()
        except errors.UnknownEngine as error:
            raise PartUnavailable(str(error)) from error
        self._cfm = _load_cfm(packages, manifest, self._device, DTYPES[self.precision])
        self._vocos = _load_vocos(packages, manifest, self._device)

    def close(self) -> None:
        self._thread.shutdown()
        del self._cfm, self._vocos

    def speak(self, utterance: Utterance) -> Spoken:
        return self._thread.submit(self._speak, utterance).result()

    def _speak(self, utterance: Utterance) -> Spoken:
        with torch.inference_mode():
            started = perf_counter()
            cond = self._cfm.mel_spec(utterance.reference[None].to(self._device)).transpose(1, 2)
            before_solver = perf_counter()
            mels = [self._sample(cond, chunk, utterance) for chunk in utterance.chunks]
            if self._device.type == "cuda":
                torch.cuda.synchronize()
            solved = perf_counter()
            samples = [self._vocos.decode(mel.float().transpose(1, 2))[0].cpu() for mel in mels]
            return Spoken(torch.cat(samples), perf_counter() - started, solved - before_solver)

    def _sample(self, cond: Tensor, chunk: Chunk, utterance: Utterance) -> Tensor:
        mel, _ = self._cfm.sample(
            cond=cond,
            text=chunk.tokens[None].to(self._device),
            duration=cond.shape[1] + chunk.speech_frames,
            steps=utterance.nfe_step,
            cfg_strength=limits.DEFAULT_CFG_STRENGTH,
            sway_sampling_coef=limits.DEFAULT_SWAY_COEF,
            seed=utterance.seed,
        )
        spoken: Tensor = mel[:, cond.shape[1] :]
        return spoken


class Bf16Network(nn.Module):
    """Upstream's DiT in bf16 under a first parameter in fp32, from which `CFM` takes its time grid's precision.

    Time and rotary positions stay in fp32 too: in bf16 neighbouring steps and frames would be the same.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.dim: int = network.dim
        frequencies = network.rotary_embed.inv_freq.clone()
        self.network = network.bfloat16()
        network.rotary_embed.float().inv_freq.copy_(frequencies)
        network.time_embed.float().register_forward_hook(lambda _module, _inputs, time: time.bfloat16())

    def forward(self, x: Tensor, cond: Tensor, text: Tensor, time: Tensor, **options: Any) -> Tensor:
        velocity: Tensor = self.network(x.bfloat16(), cond.bfloat16(), text, time, **options)
        return velocity.float()

    def clear_cache(self) -> None:
        self.network.clear_cache()


def _load_cfm(packages: Any, manifest: Manifest, device: torch.device, dtype: torch.dtype) -> Any:
    state, vocabulary = load_dit_state(manifest, lambda tensor: tensor.float())
    values = dict(vars(manifest.architecture))
    values["text_embedding_average_upsampling"] = values.pop("average_upsampling")
    network = packages.DiT(**values, text_num_embeds=len(vocabulary))
    state["rotary_embed.inv_freq"] = rotary_frequencies(manifest.architecture.dim_head)
    fill(network, state, manifest.checkpoint)
    if dtype == torch.bfloat16:
        return packages.CFM(Bf16Network(network)).eval().to(device)
    return packages.CFM(network).eval().to(device, dtype)


def _load_vocos(packages: Any, manifest: Manifest, device: torch.device) -> Any:
    assert manifest.vocoder is not None, "models for benchmarks have a Vocos"
    state = read_vocos_state(manifest.vocoder, device)
    sizes = VocosSizes.of(state)
    network = packages.Vocos(
        packages.MelSpectrogramFeatures(),
        packages.VocosBackbone(sizes.n_mels, sizes.dim, sizes.inner_dim, sizes.depth),
        packages.ISTFTHead(sizes.dim, sizes.n_fft, limits.HOP_LENGTH, padding="center"),
    )
    missing = network.load_state_dict(state, strict=False).missing_keys
    assert all(key.startswith(("feature_extractor.", "head.istft.")) for key in missing), missing
    return network.eval().requires_grad_(False).to(device)
