"""What updates a network's weights: all of them, and hidden matrices in all directions alike."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from f5_tts_core.network.dit import DiT
from training.optimiser import Optimiser
from training.recipe import SIZES

SMOKE = SIZES["smoke"].dit
RATE = 1e-2


@pytest.fixture
def network() -> DiT:
    torch.manual_seed(1)
    return DiT(SMOKE.architecture, vocabulary_size=9)


def updates(network: nn.Module, gradient: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """What the first step changes, where each weight has a `gradient`."""
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for weight in network.parameters():
        weight.grad = gradient(weight)
    Optimiser(network, SMOKE.optimisation).step(RATE)
    return {name: weight.detach() - before[name] for name, weight in network.named_parameters()}


def test_every_weight_is_updated_and_its_gradient_forgotten(network: DiT) -> None:
    changes = updates(network, torch.ones_like)
    assert all(change.any() for change in changes.values())
    assert all(weight.grad is None for weight in network.parameters())


def test_hidden_matrices_are_updated_by_muon_and_tables_by_adamw(network: DiT) -> None:
    """Of a gradient whose entries are alike, AdamW moves each entry by the rate; Muon keeps the whole update's size."""
    changes = updates(network, torch.ones_like)
    largest = {name: float(change.abs().max()) / RATE for name, change in changes.items() if change.ndim == 2}
    by_adamw = {name for name, size in largest.items() if size > 0.9}
    blocks = range(SMOKE.architecture.depth)
    assert by_adamw == {
        "text_embed.text_embed.weight",
        "norm_out.linear.weight",
        *(f"transformer_blocks.{block}.attn_norm.linear.weight" for block in blocks),
    }


def test_no_gradient_moves_a_hidden_matrix_more_in_one_direction_than_in_others(network: DiT) -> None:
    changes = updates(network, torch.randn_like)
    sizes = torch.linalg.svdvals(changes["transformer_blocks.0.attn.to_q.weight"])
    assert sizes.max() < 3 * sizes.min()
