"""`ENGINE=upstream`: the packages f5-tts and vocos themselves behind our `Engine`, for whoever wants the original.

Their solver, network and vocoder; our reading of references, texts and checkpoints, so that both engines take the
same requests. One request at a time, as upstream does.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from f5_tts_core import errors, limits
from f5_tts_core.checkpoint import fill, load_dit_state, load_vocoder, read_vocos_state
from f5_tts_core.devices import choose_device, is_out_of_memory, precision_name
from f5_tts_core.engine import (
    AudioCallback,
    CancelCallback,
    Engine,
    EngineConfig,
    Precision,
    ProgressCallback,
    ignore,
    never,
)
from f5_tts_core.joining import Speech
from f5_tts_core.manifest import Manifest, resolve_manifest
from f5_tts_core.network.layers import rotary_frequencies
from f5_tts_core.network.vocoder import Vocoder
from f5_tts_core.network.vocos import VocosSizes
from f5_tts_core.plan import PlannedChunk, Planner
from f5_tts_core.reference import ReferenceClip
from f5_tts_core.stopwatch import Stopwatch
from f5_tts_core.text.vocabulary import Vocabulary
from f5_tts_core.turns import Turns
from f5_tts_core.types import EngineInfo, EngineStats, Synthesis, SynthesisRequest
from f5_tts_core.upstream_packages import load_upstream


def create(config: EngineConfig) -> Engine:
    """The entry point `upstream` of `timbre.engines`."""
    return UpstreamEngine(config)


class UpstreamEngine:
    """See `Engine`. `synthesize` may be called from many threads; they take turns."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        # One at a time, as upstream does: its text cache and its seed are everybody's.
        self._turns = Turns(1)
        #: What the network calls before each of its forwards: reports, and raises when told to stop.
        self._before_step: Callable[[], None] = _nothing
        self.stats = EngineStats()

    def load(self) -> None:
        config = self._config
        if config.threads:
            torch.set_num_threads(config.threads)
        packages = load_upstream()
        self._device = choose_device(config.device)
        self._dtype = _choose_dtype(config.precision, self._device)
        self._manifest = resolve_manifest(config)
        self._cfm, vocabulary = _load_cfm(packages, self._manifest, self._device, self._dtype)
        self._cfm.transformer.register_forward_pre_hook(self._on_forward)
        self._vocoder = _load_vocoder(packages, self._manifest, self._device)
        self._planner = Planner(self._manifest, Vocabulary(vocabulary))

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="upstream",
            model=self._manifest.name,
            device=str(self._device),
            precision=precision_name(self._dtype),
            vocoder=self._vocoder.name,
            parameters=sum(parameter.numel() for parameter in self._cfm.parameters()),
        )

    def close(self) -> None:
        """Frees the weights, once the request in progress is done."""
        with self._turns.take(never):
            del self._cfm, self._vocoder

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        on_progress: ProgressCallback = ignore,
        should_cancel: CancelCallback = never,
        on_audio: AudioCallback = ignore,
    ) -> Synthesis:
        watch = Stopwatch()
        seed = secrets.randbelow(limits.MAX_SEED + 1) if request.seed is None else request.seed
        with self._turns.take(should_cancel), self._upstream_reset():
            watch.lap("queue")
            clip = self._planner.prepare(request.reference, self._config.target_rms)
            chunks = self._planner.chunks(request.text, clip, request.speed, stream=request.stream)
            watch.lap("reference")
            self._before_step = _stepper(request.nfe_step * len(chunks), on_progress, should_cancel)
            speech = Speech(request, clip.gain, on_audio)
            for index, chunk in enumerate(chunks):
                mel = self._speak(request, clip, chunk, seed + index)
                watch.lap("network")
                speech.add(self._decode(mel), last=index == len(chunks) - 1)
                watch.lap("vocoder")
        on_progress(1.0)
        return Synthesis(speech.finish(), seed, len(chunks), watch.timings(), watch.laps)

    def _on_forward(self, *_: object) -> None:
        self._before_step()
        self.stats.forwards += 1
        self.stats.rows += 1

    def chunks(self, request: SynthesisRequest) -> Sequence[str]:
        clip = self._planner.prepare(request.reference, self._config.target_rms)
        return self._planner.lasting_chunks(request.text, clip, request.speed)

    @contextmanager
    def _upstream_reset(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                self.stats.out_of_memory += 1
                raise errors.OutOfMemory("The device has too little memory for this text and reference.") from error
            raise
        finally:
            self._before_step = _nothing
            # An error between steps leaves the text in upstream's cache, and the next request would speak it.
            self._cfm.transformer.clear_cache()

    @torch.inference_mode()
    def _speak(self, request: SynthesisRequest, clip: ReferenceClip, chunk: PlannedChunk, seed: int) -> Tensor:
        """The chunk's mel without the reference's: fp32 [frames, n_mels]."""
        cond = self._cfm.mel_spec(torch.from_numpy(clip.audio.samples)[None].to(self._device)).transpose(1, 2)
        # Upstream seeds the whole process.
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            mel, _ = self._cfm.sample(
                cond=cond,
                text=torch.tensor([chunk.tokens], device=self._device),
                duration=cond.shape[1] + chunk.speech_frames,
                steps=request.nfe_step,
                cfg_strength=request.cfg_strength,
                sway_sampling_coef=request.sway_coef,
                seed=seed,
            )
        spoken: Tensor = mel[0, cond.shape[1] :].float()
        if not bool(torch.isfinite(spoken).all()):
            raise errors.NotFiniteOutput("The model produced NaN or infinite values.")
        return spoken

    def _decode(self, mel: Tensor) -> npt.NDArray[np.float32]:
        samples: npt.NDArray[np.float32] = self._vocoder.decode([mel])[0].cpu().numpy()
        return samples


class UpstreamVocos:
    """Upstream's Vocos as a `Vocoder`."""

    name = "vocos"

    def __init__(self, network: Any) -> None:
        self._network = network

    def decode(self, mels: Sequence[Tensor]) -> Sequence[Tensor]:
        """Log mels [frames, n_mels] -> of each, fp32 samples [(frames - 1) * 256]."""
        return [self._network.decode(mel.T[None])[0] for mel in mels]


def _choose_dtype(wanted: Precision, device: torch.device) -> torch.dtype:
    """Half precision on CUDA, as upstream does. bf16 would coarsen its time grid until steps coincide."""
    if wanted == "bf16":
        raise errors.EngineError("The engine 'upstream' cannot run in bf16; expected PRECISION auto, fp16 or fp32.")
    half = wanted == "fp16" or (wanted == "auto" and device.type == "cuda")
    return torch.float16 if half else torch.float32


def _load_cfm(
    packages: SimpleNamespace, manifest: Manifest, device: torch.device, dtype: torch.dtype
) -> tuple[Any, list[str]]:
    state, vocabulary = load_dit_state(manifest, lambda tensor: tensor.to(dtype))
    values = dict(vars(manifest.architecture))
    values["text_embedding_average_upsampling"] = values.pop("average_upsampling")
    transformer: nn.Module = packages.DiT(**values, text_num_embeds=len(vocabulary))
    state["rotary_embed.inv_freq"] = rotary_frequencies(manifest.architecture.dim_head)
    fill(transformer, state, manifest.checkpoint)
    return packages.CFM(transformer).eval().to(device, dtype), vocabulary


def _load_vocoder(packages: SimpleNamespace, manifest: Manifest, device: torch.device) -> Vocoder:
    """Built from the sizes of its tensors: upstream's own way calls whatever the YAML beside them names."""
    if manifest.vocoder is None:
        return load_vocoder(manifest, device)
    state = read_vocos_state(manifest.vocoder, device)
    sizes = VocosSizes.of(state)
    network = packages.Vocos(
        packages.MelSpectrogramFeatures(),
        packages.VocosBackbone(sizes.n_mels, sizes.dim, sizes.inner_dim, sizes.depth),
        packages.ISTFTHead(sizes.dim, sizes.n_fft, limits.HOP_LENGTH, padding="center"),
    )
    fill(network.backbone, _below("backbone.", state), manifest.vocoder)
    fill(network.head.out, _below("head.out.", state), manifest.vocoder)
    return UpstreamVocos(network.eval().to(device))


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}


def _stepper(steps: int, on_progress: ProgressCallback, should_cancel: CancelCallback) -> Callable[[], None]:
    """Counts the forwards of one request. The one that is about to begin is not done yet."""
    begun = iter(range(steps))

    def before_step() -> None:
        if should_cancel():
            raise errors.Canceled("The request was canceled.")
        on_progress(next(begun) / steps)

    return before_step


def _nothing() -> None: ...
