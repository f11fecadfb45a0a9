"""Mels that become sound beside the solver's steps: together where they wait together, each as if alone."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from threading import Event, Thread

import pytest
import torch
from torch import Tensor

from f5_tts_core import errors
from f5_tts_core.network.vocos import Vocos, VocosSizes
from f5_tts_core.vocoding import BesideSteps

CPU = torch.device("cpu")


def mel(frames: int) -> Tensor:
    return torch.randn(frames, 100, generator=torch.Generator().manual_seed(frames))


class HeldVocoder:
    """Each mel's sound is its number of frames. No pass ends before `go` is set."""

    name = "held"

    def __init__(self, fail: Callable[[int], Exception | None] = lambda mels: None) -> None:
        self.passes: list[list[int]] = []
        self.begun, self.go = Event(), Event()
        self._fail = fail

    def decode(self, mels: Sequence[Tensor]) -> Sequence[Tensor]:
        self.passes.append([len(mel) for mel in mels])
        self.begun.set()
        assert self.go.wait(60)
        if error := self._fail(len(mels)):
            raise error
        return [torch.tensor([float(len(mel))]) for mel in mels]


class Desk:
    """A vocoder at work on a mel of 10 frames, while others come."""

    def __init__(self, vocoder: HeldVocoder, *, max_frames: int = 8_192, deterministic: bool = False) -> None:
        self.vocoder = vocoder
        self.vocoding = BesideSteps(vocoder, CPU, max_frames=max_frames, deterministic=deterministic)
        self.first = self.vocoding.submit(mel(10))
        assert vocoder.begun.wait(60)

    def submit(self, *frames: int) -> list[Future[Tensor]]:
        return [self.vocoding.submit(mel(count)) for count in frames]

    def go(self) -> None:
        self.vocoder.go.set()


def sounds(futures: Sequence[Future[Tensor]]) -> list[float]:
    return [future.result(60).item() for future in futures]


def is_open(vocoding: BesideSteps) -> bool:
    try:
        vocoding.submit(mel(4))
    except errors.EngineError:
        return False
    return True


@pytest.fixture
def desk_of() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(vocoder: HeldVocoder, **options: int | bool) -> Desk:
        made.append(Desk(vocoder, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for desk in made:
        desk.go()
        desk.vocoding.close()


def test_mels_that_wait_share_a_pass_and_each_gets_its_own_sound(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(HeldVocoder())
    waiting = desk.submit(20, 30, 40)
    desk.go()
    assert sounds([desk.first, *waiting]) == [10, 20, 30, 40]
    assert desk.vocoder.passes == [[10], [20, 30, 40]]


def test_a_pass_holds_as_many_frames_as_it_may_padding_and_all(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(HeldVocoder(), max_frames=256)
    waiting = desk.submit(20, 100, 30, 300, 40)
    desk.go()
    assert sounds(waiting) == [20, 100, 30, 300, 40]
    assert desk.vocoder.passes[1:] == [[20, 100], [30], [300], [40]]


def test_deterministic_mels_are_decoded_alone(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(HeldVocoder(), deterministic=True)
    waiting = desk.submit(20, 30)
    desk.go()
    assert sounds(waiting) == [20, 30]
    assert desk.vocoder.passes == [[10], [20], [30]]


def test_a_pass_without_memory_is_made_one_by_one(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(HeldVocoder(lambda mels: torch.OutOfMemoryError() if mels > 1 else None))
    waiting = desk.submit(20, 30)
    desk.go()
    assert sounds(waiting) == [20, 30]
    assert desk.vocoder.passes == [[10], [20, 30], [20], [30]]


@pytest.mark.parametrize(
    ("failure", "expected"), [(torch.OutOfMemoryError(), errors.OutOfMemory), (ValueError("x"), errors.EngineError)]
)
def test_what_fails_fails_its_own_requests_alone(
    desk_of: Callable[..., Desk], failure: Exception, expected: type[Exception]
) -> None:
    failures = iter([failure])
    desk = desk_of(HeldVocoder(lambda mels: next(failures, None)))
    waiting = desk.submit(20)
    desk.go()
    with pytest.raises(expected) as caught:
        desk.first.result(60)
    assert type(caught.value) is expected
    assert sounds(waiting) == [20]


def test_closing_ends_the_pass_under_way_and_fails_what_waits(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(HeldVocoder())
    (waiting,) = desk.submit(20)
    closing = Thread(target=desk.vocoding.close)
    closing.start()
    while is_open(desk.vocoding):
        pass
    desk.go()
    closing.join(60)
    assert sounds([desk.first]) == [10]
    with pytest.raises(errors.EngineError, match="closed"):
        waiting.result(60)


def test_a_sound_does_not_depend_on_who_shares_its_pass() -> None:
    torch.manual_seed(0)
    vocos = Vocos(VocosSizes(n_mels=100, dim=16, inner_dim=32, depth=2, n_fft=1024)).eval()
    mels = [mel(frames) for frames in (4, 70, 64, 200)]
    for alone, together in zip(map(vocos.decode, ([one] for one in mels)), vocos.decode(mels), strict=True):
        torch.testing.assert_close(together, alone[0], atol=1e-5, rtol=0)
