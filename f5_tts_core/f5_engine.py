"""The F5 engine: our network behind the `Engine` port. One model a process; many requests at once."""

import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from f5_tts_core import errors, limits
from f5_tts_core.batcher import Rung, StepBatcher
from f5_tts_core.cache import WeighedCache
from f5_tts_core.checkpoint import load_fast_dit, load_vocoder
from f5_tts_core.devices import Placement, choose_device, choose_dtype, placements, precision_name
from f5_tts_core.engine import (
    AudioCallback,
    CancelCallback,
    EngineConfig,
    ProgressCallback,
    ignore,
    never,
)
from f5_tts_core.joining import Speech
from f5_tts_core.manifest import Manifest, resolve_manifest
from f5_tts_core.network.buckets import BUCKET_FRAMES
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.network.replay import Record, cuda_graphs
from f5_tts_core.plan import PlannedChunk, Planner
from f5_tts_core.reference import ReferenceClip
from f5_tts_core.stopwatch import Stopwatch
from f5_tts_core.takes import Prompt, Ticket
from f5_tts_core.text.vocabulary import load_vocabulary
from f5_tts_core.threads import compute_alone
from f5_tts_core.turns import Turns
from f5_tts_core.types import EngineInfo, EngineStats, Reference, Synthesis, SynthesisRequest, Waveform
from f5_tts_core.vocoding import vocoding_on

_SAMPLE: Final = files("f5_tts_core") / "assets" / "sample"


@dataclass(frozen=True)
class PreparedReference:
    """A reference ready for the solver: the clip, and its mel [frames, n_mels] on the CPU."""

    clip: ReferenceClip
    mel: Tensor

    @property
    def bytes(self) -> int:
        return self.clip.audio.samples.nbytes + self.mel.numel() * self.mel.element_size()


class F5Engine:
    """See `Engine`. `load` first; then `synthesize` from up to `max_concurrency` threads at once, others wait."""

    def __init__(self, config: EngineConfig, hashing: "Future[str]") -> None:
        """`hashing` is on its way to the model's fingerprint, and holds its files against the hash expected of them."""
        self._config = config
        self._hashing = hashing
        self._turns = Turns(config.max_concurrency)
        self._references: WeighedCache[PreparedReference] = WeighedCache(
            config.reference_cache_bytes, lambda prepared: prepared.bytes
        )

    def load(self) -> None:
        compute_alone()  # The batcher's thread has the others.
        if self._config.deterministic:
            _sum_in_one_order()
        self._manifest = resolve_manifest(self._config)
        if self._manifest.sha256 is not None:
            self._hashing.result()  # Nothing is read of a file that is not the one expected.
        self._planner = Planner(self._manifest, load_vocabulary(self._manifest.vocabulary))
        self._mel = MelSpectrogram()
        self._place()
        self._warm_up()
        self._fingerprint = self._hashing.result()

    def _place(self) -> None:
        """Read vocoder and network onto their device, and start the thread that owns it."""
        config = self._config
        device = choose_device(config.device)
        dtype = choose_dtype(config.precision, device)
        rungs = [
            Rung(placement, _loader(self._manifest, placement, checked=not index), _recorder(placement, config))
            for index, placement in enumerate(placements(device, dtype, allow_cpu=config.allow_cpu_fallback))
        ]
        frames, deterministic = config.max_batch_frames, config.deterministic
        self._batcher = StepBatcher(rungs, max_frames=frames, deterministic=deterministic, threads=config.threads)
        self._batcher.start()
        try:
            self._vocoder = load_vocoder(self._manifest, device)
            self._parameters = self._batcher.call(lambda: rungs[0].network.size)
        except BaseException:
            self._batcher.close()
            raise
        self._vocoding = vocoding_on(
            device, self._vocoder, self._batcher, max_frames=frames, deterministic=deterministic
        )

    def describe(self) -> EngineInfo:
        placement = self._batcher.placement
        return EngineInfo(
            engine="f5",
            model=self._manifest.name,
            device=str(placement.device),
            precision=precision_name(placement.dtype),
            vocoder=self._vocoder.name,
            parameters=self._parameters,
            fingerprint=self._fingerprint,
            # A CPU has nothing idle that a second row would fill; to be deterministic, each row is a batch of its own.
            batches=placement.device.type != "cpu" and not self._config.deterministic,
        )

    @property
    def stats(self) -> EngineStats:
        references = self._references
        return replace(self._batcher.stats, reference_hits=references.hits, reference_misses=references.misses)

    def close(self) -> None:
        self._vocoding.close()
        self._batcher.close()

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
        with self._turns.take(should_cancel):
            watch.lap("queue")
            prepared = self._prepared(request.reference)
            chunks = self._planner.chunks(request.text, prepared.clip, request.speed, stream=request.stream)
            watch.lap("reference")
            prompts = [_prompt(request, prepared.mel, chunk, seed + index) for index, chunk in enumerate(chunks)]
            speech = Speech(request, prepared.clip.gain, on_audio)
            network_seconds = 0.0
            for part in _parts(prompts, stream=request.stream):
                ticket = self._batcher.submit(prompts[part])
                _follow(ticket, _overall(on_progress, part, len(prompts)), should_cancel)
                network_seconds += ticket.network_seconds
                watch.lap("solver")
                for index, mel in zip(range(part.start, part.stop), ticket.mels, strict=True):
                    speech.add(self._decode(mel[len(prepared.mel) :]), last=index == len(prompts) - 1)
                watch.lap("vocoder")
        return Synthesis(speech.finish(), seed, len(chunks), watch.timings(network=network_seconds), watch.laps)

    def chunks(self, request: SynthesisRequest) -> Sequence[str]:
        clip = self._prepared(request.reference).clip
        return self._planner.lasting_chunks(request.text, clip, request.speed)

    def _prepared(self, reference: Reference) -> PreparedReference:
        def make() -> PreparedReference:
            clip = self._planner.prepare(reference, self._config.target_rms)
            return PreparedReference(clip, self._batcher.prepare(partial(self._mel_of, clip.audio)))

        return self._references.get(reference.content_hash, make)

    def _decode(self, mel: Tensor) -> npt.NDArray[np.float32]:
        """Mel [frames, n_mels] to samples [n]."""
        samples = self._vocoding.decode(mel)
        if not bool(torch.isfinite(samples).all()):
            raise errors.NotFiniteOutput("The vocoder produced NaN or infinite samples.")
        wave: npt.NDArray[np.float32] = samples.numpy()
        return wave

    def _mel_of(self, audio: Waveform) -> Tensor:
        spectrogram: Tensor = self._mel(torch.from_numpy(audio.samples)[None])
        return spectrogram[0].T.contiguous()

    def _warm_up(self) -> None:
        """Do what requests do, so that the first client does not pay for what starts lazily."""
        reference = Reference((_SAMPLE / "reference.wav").read_bytes(), (_SAMPLE / "reference.txt").read_text("utf-8"))
        request = SynthesisRequest("Hello.", reference, seed=0, nfe_step=1, cfg_strength=0.0)
        # A model without Latin letters cannot speak the sample: then its first client pays.
        with suppress(errors.TextError):
            if self._batcher.placement.device.type == "cpu":
                self._warm_up_around_the_network(request)
            else:
                self.synthesize(request)

    def _warm_up_around_the_network(self, request: SynthesisRequest) -> None:
        """For CPUs: a large network's step takes them a second, and makes nothing ready for other lengths than its."""
        self.chunks(request)
        self._decode(self._prepared(request.reference).mel[:BUCKET_FRAMES])


def _sum_in_one_order() -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may sum in another order
    torch.use_deterministic_algorithms(True)


def _loader(manifest: Manifest, placement: Placement, *, checked: bool) -> Callable[[], DiT]:
    """`checked`: the files were held against their hash just now."""
    if checked:
        manifest = replace(manifest, sha256=None)
    return lambda: load_fast_dit(manifest, placement.device, placement.dtype)


def _recorder(placement: Placement, config: EngineConfig) -> Record | None:
    return cuda_graphs() if placement.device.type == "cuda" and config.cuda_graphs else None


def _prompt(request: SynthesisRequest, reference_mel: Tensor, chunk: PlannedChunk, seed: int) -> Prompt:
    """Each chunk draws from a generator of its own, so that neither neighbours nor the batch change its noise."""
    frames = max(len(reference_mel) + chunk.speech_frames, len(chunk.tokens) + 1)
    cond = torch.zeros(frames, limits.N_MELS)
    cond[: len(reference_mel)] = reference_mel
    generator = torch.Generator().manual_seed(seed)
    return Prompt(
        cond=cond,
        tokens=torch.tensor(chunk.tokens),
        noise=torch.randn(frames, limits.N_MELS, generator=generator),
        nfe_step=request.nfe_step,
        cfg_strength=request.cfg_strength,
        sway_coef=request.sway_coef,
    )


def _parts(prompts: Sequence[Prompt], *, stream: bool) -> Sequence[slice]:
    """What is solved together: everything, or, to stream, a chunk at a time. So the device turns to a chunk when the
    audio of those before it was handed out."""
    return [slice(index, index + 1) for index in range(len(prompts))] if stream else [slice(0, len(prompts))]


def _overall(on_progress: ProgressCallback, part: slice, count: int) -> ProgressCallback:
    return lambda share: on_progress((part.start + share * (part.stop - part.start)) / count)


def _follow(ticket: Ticket, on_progress: ProgressCallback, should_cancel: CancelCallback) -> None:
    """Report and ask between steps, from the requesting thread: the device never waits for either."""
    try:
        for share in ticket.progress():
            on_progress(share)
            if should_cancel():
                raise errors.Canceled("The request was canceled.")
    except BaseException:
        ticket.cancel()
        raise
