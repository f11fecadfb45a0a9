"""When mels become sound: between the solver's steps, or beside them where the device has room for both."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Condition, Thread
from typing import Final, Protocol

import torch
from torch import Tensor

from f5_tts_core import errors
from f5_tts_core.batcher import StepBatcher
from f5_tts_core.devices import is_out_of_memory, moved
from f5_tts_core.network.buckets import padded_length
from f5_tts_core.network.vocoder import Vocoder

logger = logging.getLogger(__name__)

_THREAD: Final = "timbre-vocoder"


class Vocoding(Protocol):
    def decode(self, mel: Tensor) -> Tensor:
        """Log mel [frames, n_mels] -> fp32 samples [(frames - 1) * 256], both on the CPU. Blocking, thread-safe."""
        ...

    def close(self) -> None: ...


class BetweenSteps:
    """On the solver's own thread, one mel at a time: a CPU has nothing idle that a second thread would fill."""

    def __init__(self, vocoder: Vocoder, batcher: StepBatcher) -> None:
        self._vocoder = vocoder
        self._batcher = batcher

    def decode(self, mel: Tensor) -> Tensor:
        return self._batcher.call(partial(self._samples_of, mel))

    def close(self) -> None:
        """The thread is the batcher's."""

    def _samples_of(self, mel: Tensor) -> Tensor:
        return _decoded(self._vocoder, [mel], self._batcher.placement.device)[0]


class BesideSteps:
    """On a thread of its own, and on CUDA in a stream of its own: the solver's next step waits for no sound.

    Mels that come while others are decoded share the next pass, as far as `max_frames` go; the sound of none depends
    on the others.
    """

    def __init__(self, vocoder: Vocoder, device: torch.device, *, max_frames: int, deterministic: bool = False) -> None:
        self._vocoder = vocoder
        self._device = device
        self._max_frames = max_frames
        # Kernels choose their summation order by shape, so equal bytes need equal shapes: one mel a pass.
        self._deterministic = deterministic
        self._waiting: list[tuple[Tensor, Future[Tensor]]] = []
        self._closed = False
        self._wake = Condition()
        self._thread = Thread(target=self._run, name=_THREAD, daemon=True)
        self._thread.start()

    def decode(self, mel: Tensor) -> Tensor:
        return self.submit(mel).result()

    def submit(self, mel: Tensor) -> Future[Tensor]:
        """Its sound, or `OutOfMemory` where even alone it is too much, or `EngineError`. Raises that once closed."""
        future: Future[Tensor] = Future()
        with self._wake:
            if self._closed:
                raise _closed()
            self._waiting.append((mel, future))
            self._wake.notify()
        return future

    def close(self) -> None:
        """Stop after the pass under way. Mels still waiting fail."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()
        left, self._waiting = self._waiting, []
        for _, future in left:
            future.set_exception(_closed())

    @torch.inference_mode()
    def _run(self) -> None:
        with _stream_of_its_own(self._device):
            while taken := self._take():
                self._decode(taken)

    def _take(self) -> Sequence[tuple[Tensor, Future[Tensor]]]:
        """Who is in the next pass: in the order they came, up to the first that has no room. Nobody once closed."""
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                return []
            count = 1
            while not self._deterministic and count < len(self._waiting) and self._fit(count + 1):
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            return taken

    def _fit(self, count: int) -> bool:
        longest = max(len(mel) for mel, _ in self._waiting[:count])
        return padded_length(longest) * count <= self._max_frames

    def _decode(self, taken: Sequence[tuple[Tensor, Future[Tensor]]]) -> None:
        sounds: Sequence[Tensor] = []
        try:
            sounds = _decoded(self._vocoder, [mel for mel, _ in taken], self._device)
        except Exception as error:
            if len(taken) == 1 or not is_out_of_memory(error):
                self._fail(taken, error)
                return
        if not sounds:
            # Here, since until the handler's end the error holds all that the pass had made.
            for one in taken:
                self._decode([one])
            return
        for (_, future), sound in zip(taken, sounds, strict=True):
            future.set_result(sound)

    def _fail(self, taken: Sequence[tuple[Tensor, Future[Tensor]]], error: Exception) -> None:
        logger.error("vocoder failed", exc_info=error)
        for _, future in taken:
            future.set_exception(_failure(error))


def vocoding_on(
    device: torch.device, vocoder: Vocoder, batcher: StepBatcher, *, max_frames: int, deterministic: bool = False
) -> Vocoding:
    if device.type == "cuda":
        return BesideSteps(vocoder, device, max_frames=max_frames, deterministic=deterministic)
    return BetweenSteps(vocoder, batcher)


def _decoded(vocoder: Vocoder, mels: Sequence[Tensor], device: torch.device) -> Sequence[Tensor]:
    return [sound.cpu() for sound in vocoder.decode([moved(mel, device) for mel in mels])]


def _stream_of_its_own(device: torch.device) -> AbstractContextManager[object]:
    if device.type != "cuda":
        return nullcontext()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))  # which the weights came by
    return torch.cuda.stream(stream)


def _failure(error: Exception) -> errors.EngineError:
    if is_out_of_memory(error):
        return errors.OutOfMemory("The device has too little memory for this text's sound.")
    return errors.EngineError("The engine failed while it made this text's sound.")


def _closed() -> errors.EngineError:
    return errors.EngineError("The engine is closed.")
