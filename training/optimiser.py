"""Muon for the hidden matrices, AdamW for all else: together one optimiser."""

from typing import Any, Final

import torch
from torch import nn

from f5_tts_core.network.layers import AdaptiveNorm
from training.recipe import Optimisation

#: Muon's rate, against AdamW's. It is scaled so that at 1 its updates are of AdamW's usual size; since they move all
#: directions of a matrix alike, none of them much, they may be larger.
_MUON_SHARE: Final = 2.5


class Optimiser:
    """Updates the weights of a DiT by their gradients.

    Muon (Jordan et al. 2024) makes each matrix's momentum orthogonal before it is applied. Matrices that are tables
    rather than maps between hidden states stay with AdamW: embeddings, and what the flow's time says to the norms.
    """

    def __init__(self, network: nn.Module, optimisation: Optimisation) -> None:
        linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
        modulating = {module.linear for module in network.modules() if isinstance(module, AdaptiveNorm)}
        hidden = [linear.weight for linear in linears if linear not in modulating]
        chosen = {id(weight) for weight in hidden}
        others = [weight for weight in network.parameters() if id(weight) not in chosen]
        decay = optimisation.weight_decay
        self._adamw = torch.optim.AdamW(others, betas=optimisation.betas, weight_decay=decay, fused=True)
        self._muon = torch.optim.Muon(hidden, weight_decay=decay, adjust_lr_fn="match_rms_adamw")

    def step(self, rate: float) -> None:
        """Updates at learning rate `rate`, and forgets the gradients."""
        for optimiser, share in ((self._adamw, 1.0), (self._muon, _MUON_SHARE)):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` goes on from."""
        return {"adamw": self._adamw.state_dict(), "muon": self._muon.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adamw.load_state_dict(state["adamw"])
        self._muon.load_state_dict(state["muon"])
