"""Our network against upstream's: same weights, same inputs, fp32."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from f5_tts_core.manifest import PRESETS
from f5_tts_core.network.dit import DiT
from tests.parity.networks import VARIANTS, MakePair

#: Ours is within 2e-6; a GELU of the wrong kind would be off by 1e-4.
TOLERANCE = 1e-5


def ours_row(ours: DiT, noisy: Tensor, cond: Tensor, tokens: Tensor, time: Tensor, *, drop: bool) -> Tensor:
    """One request alone, as the engine would put it in a row."""
    text = ours.embed_text(tokens, noisy.shape[1], drop=drop)[None]
    return ours(noisy, torch.zeros_like(cond) if drop else cond, text, ours.modulate(time), None)


@torch.no_grad()
@pytest.mark.parametrize("drop", [False, True], ids=["conditional", "unconditional"])
@pytest.mark.parametrize("frames", [24, 61, 160])
@pytest.mark.parametrize("name", VARIANTS)
def test_parity_forward(make_pair: MakePair, name: str, frames: int, drop: bool) -> None:
    ours, theirs = make_pair(VARIANTS[name])
    noisy, cond = torch.randn(2, 1, frames, 100)
    # More tokens than the shortest has frames, so that the cut is covered too.
    tokens, time = torch.randint(0, 40, (31,)), torch.tensor([0.37])
    expected = theirs(noisy, cond, tokens[None], time, drop_audio_cond=drop, drop_text=drop)
    found = ours_row(ours, noisy, cond, tokens, time, drop=drop)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("name", VARIANTS)
def test_parity_of_rows_in_a_batch(make_pair: MakePair, name: str) -> None:
    """Three requests of different lengths in one forward of ours, against each alone in upstream.

    Upstream's own batches are no measure: its text embedding normalises over the padding.
    """
    ours, theirs = make_pair(VARIANTS[name])
    lengths, spoken, time = torch.tensor([70, 33, 51]), [20, 9, 30], torch.tensor([0.1, 0.5, 0.9])
    noisy, cond = torch.randn(2, 3, 70, 100)
    tokens = [torch.randint(0, 40, (count,)) for count in spoken]
    texts = [ours.embed_text(row, int(length)) for row, length in zip(tokens, lengths, strict=True)]
    text = nn.utils.rnn.pad_sequence(texts, batch_first=True)
    found = ours(noisy, cond, text, ours.modulate(time), lengths)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        expected = theirs(noisy[one, :length], cond[one, :length], tokens[row][None], time[one])
        torch.testing.assert_close(found[one, :length], expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("preset", PRESETS)
def test_parity_state_dict_of_official_architectures(upstream: SimpleNamespace, preset: str) -> None:
    """Every name and shape of the full-size networks, built without memory."""
    a = PRESETS[preset].architecture
    with torch.device("meta"):
        theirs = upstream.DiT(
            dim=a.dim,
            depth=a.depth,
            heads=a.heads,
            ff_mult=a.ff_mult,
            text_dim=a.text_dim,
            text_num_embeds=2545,
            text_mask_padding=a.text_mask_padding,
            qk_norm=a.qk_norm,
            conv_layers=a.conv_layers,
            pe_attn_head=a.pe_attn_head,
        ).state_dict()
        ours = DiT(a, 2545).state_dict()
    # Ours computes the rotary frequencies; the loader holds a checkpoint's against them.
    del theirs["rotary_embed.inv_freq"]
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: tensor.shape for key, tensor in theirs.items()}
