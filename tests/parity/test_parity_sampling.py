"""Our solver against upstream's: from the same noise to the same mel."""

from types import SimpleNamespace

import pytest
import torch

from f5_tts_core.sampling import sample
from tests.parity.networks import VARIANTS, MakePair

FRAMES, REFERENCE_FRAMES, SEED = 60, 22, 3


@pytest.mark.parametrize("sway", [-1.0, None], ids=["sway", "no-sway"])
@pytest.mark.parametrize("cfg_strength", [2.0, 0.0], ids=["guided", "unguided"])
@pytest.mark.parametrize("steps", [32, 16, 7, 5])
@pytest.mark.parametrize("name", ["v1", "v0", "average-upsampling"])
def test_parity_sampled_mel(
    upstream: SimpleNamespace,
    make_pair: MakePair,
    name: str,
    steps: int,
    cfg_strength: float,
    sway: float | None,
) -> None:
    ours, theirs = make_pair(VARIANTS[name])
    cond, tokens = torch.randn(REFERENCE_FRAMES, 100), torch.randint(0, 40, (17,))
    expected, _ = upstream.CFM(theirs).sample(
        cond[None],
        tokens[None],
        FRAMES,
        steps=steps,
        cfg_strength=cfg_strength,
        sway_sampling_coef=sway,
        seed=SEED,
    )
    torch.manual_seed(SEED)
    noise = torch.randn(FRAMES, 100)
    found = sample(ours, cond, tokens, FRAMES, noise, steps=steps, cfg_strength=cfg_strength, sway=sway)
    assert not torch.allclose(found[REFERENCE_FRAMES:], noise[REFERENCE_FRAMES:], atol=0.1)
    torch.testing.assert_close(found, expected[0], atol=1e-4, rtol=0)
