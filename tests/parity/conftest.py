from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from f5_tts_core.architecture import Architecture
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.packing import speed_up
from f5_tts_core.upstream_packages import load_upstream
from tests.parity.networks import VOCABULARY_SIZE, MakePair, Pair, randomise, upstream_arguments


@pytest.fixture(scope="session")
def upstream() -> SimpleNamespace:
    """Upstream's classes."""
    return load_upstream()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=[False, True], ids=["as-loaded", "as-run"])
def make_pair(upstream: SimpleNamespace, request: pytest.FixtureRequest) -> MakePair:
    """Ours as its checkpoint has it, and with its weights arranged as the engine runs it."""

    def make(architecture: Architecture) -> Pair:
        theirs = upstream.DiT(**upstream_arguments(architecture), text_num_embeds=VOCABULARY_SIZE).eval()
        randomise(theirs)
        state = theirs.state_dict()
        del state["rotary_embed.inv_freq"]
        ours = DiT(architecture, VOCABULARY_SIZE).eval()
        ours.load_state_dict(state)
        if request.param:
            speed_up(ours, torch.float32)
        return ours, theirs

    return make
