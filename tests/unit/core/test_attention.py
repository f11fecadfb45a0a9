"""Attention at each row's own length, against torch's with a mask."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from f5_tts_core.network.attention import Extent, attend

#: Within one block of queries, more than one, and full rows; the last one is the batch's length.
LENGTHS = [5, 64, 130, 190, 300]
FRAMES = 300
#: Of the result's mean size.
TOLERANCES = {torch.float32: 1e-6, torch.bfloat16: 0.02}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def attended(query: Tensor, key: Tensor, value: Tensor, lengths: list[int] | None) -> Tensor:
    counts = None if lengths is None else torch.tensor(lengths)
    return attend(query, key, value, Extent.of(counts, query.shape[0], query.shape[2], query.device))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("heads", [1, 6])
def test_a_row_is_what_torch_makes_of_its_own_frames(heads: int, dtype: torch.dtype) -> None:
    query, key, value = (2 * torch.randn(3, len(LENGTHS), heads, FRAMES, 32)).to(dtype)
    found = attended(query, key, value, LENGTHS)
    assert found.isfinite().all()
    for row, length in enumerate(LENGTHS):
        own = (part[row : row + 1, :, :length].float() for part in (query, key, value))
        expected = F.scaled_dot_product_attention(*own)[0].transpose(0, 1).flatten(1)
        difference = (found[row, :length].float() - expected).abs().mean()
        assert difference < TOLERANCES[dtype] * expected.abs().mean()


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_row_is_the_same_to_the_bit_whoever_shares_its_batch(dtype: torch.dtype) -> None:
    query, key, value = torch.randn(3, len(LENGTHS), 4, 320, 32).to(dtype)
    together = attended(query, key, value, LENGTHS)
    for row, length in enumerate(LENGTHS):
        one, padded = slice(row, row + 1), -(-length // 64) * 64
        own = (part[one, :, :padded] for part in (query, key, value))
        assert torch.equal(together[row, :length], attended(*own, [length])[0, :length])


def test_a_device_that_keeps_its_lengths_masks_them() -> None:
    query, key, value = torch.randn(3, 2, 2, 20, 8)
    lengths = torch.tensor([20, 12])
    masked = attend(query, key, value, Extent(20, lengths, counts=None, is_full=False))
    torch.testing.assert_close(masked[1, :12], attended(query, key, value, [20, 12])[1, :12])


def test_full_rows_need_no_mask() -> None:
    assert Extent.of(torch.tensor([20, 20]), 2, 20, torch.device("cpu")).valid is None
    assert Extent.of(None, 2, 20, torch.device("cpu")).valid is None
