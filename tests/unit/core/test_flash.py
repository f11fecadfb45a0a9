"""FlashAttention's rows: what goes in and comes out, and that a kernel is used only where it attends as it should."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from f5_tts_core.network.attention import Extent, attend
from f5_tts_core.network.flash import flash_kernel, is_sound

CPU = torch.device("cpu")


def plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    starts: Tensor,
    key_starts: Tensor,
    longest: int,
    longest_key: int,
    *,
    seqused_k: Tensor,
    num_splits: int,
) -> Tensor:
    """What FlashAttention is said to do, row by row: [all frames, h, d] each."""
    assert starts.dtype == key_starts.dtype == seqused_k.dtype == torch.int32
    assert longest == longest_key == int(starts.diff().max())
    assert num_splits == 1
    joined = torch.empty_like(query)
    for start, end, used in zip(starts[:-1], starts[1:], seqused_k, strict=True):
        parts = (query[start:end], key[start : start + used], value[start : start + used])
        joined[start:end] = F.scaled_dot_product_attention(*(part.transpose(0, 1) for part in parts)).transpose(0, 1)
    return joined


def heedless(*parts: Tensor, seqused_k: Tensor, num_splits: int) -> Tensor:
    """A kernel that attends to padding."""
    return plain(*parts, seqused_k=parts[3].diff(), num_splits=num_splits)


def old(query: Tensor, key: Tensor, value: Tensor, *others: Tensor) -> Tensor:
    """A kernel of a torch that knows nothing of lengths."""
    return query


def absent(*parts: Tensor, **options: object) -> Tensor:
    raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.")


@pytest.mark.parametrize("lengths", [None, [20, 12, 1]])
def test_rows_are_attended_to_at_their_own_lengths(lengths: list[int] | None) -> None:
    query, key, value = torch.randn(3, 3, 2, 20, 8)
    counts = None if lengths is None else torch.tensor(lengths)
    with torch.inference_mode():
        found = attend(query, key, value, Extent.of(counts, 3, 20, CPU, plain))
        expected = attend(query, key, value, Extent.of(counts, 3, 20, CPU))
    for row, length in enumerate(lengths or [20] * 3):
        torch.testing.assert_close(found[row, :length], expected[row, :length])


def test_training_takes_a_kernel_that_can_be_differentiated() -> None:
    query, key, value = torch.randn(3, 1, 2, 20, 8, requires_grad=True)
    attend(query, key, value, Extent.of(None, 1, 20, CPU, absent)).sum().backward()


@pytest.mark.parametrize(("kernel", "sound"), [(plain, True), (heedless, False), (old, False), (absent, False)])
def test_a_kernel_is_tried_before_it_is_trusted(kernel: object, sound: bool) -> None:
    assert callable(kernel)
    assert is_sound(kernel, CPU, torch.bfloat16, 64) is sound


@pytest.mark.parametrize(("device", "dtype"), [("cpu", torch.bfloat16), ("cuda", torch.float32)])
def test_only_gpus_in_half_precision_have_one(device: str, dtype: torch.dtype) -> None:
    assert flash_kernel(torch.device(device), dtype, 64) is None
