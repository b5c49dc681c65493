"""AdamW: Adam whose weight decay is no part of the gradient.

Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019, https://arxiv.org/abs/1711.05101.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedprune.compute.optimizers import Descent, Optimizer
from fedprune.compute.optimizers._adaptive import Torchs, require_adaptive

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class AdamW(Optimizer):
    """torch.optim.AdamW over the flat parameter; a learning rate of 0.001 is usual."""

    beta1: float = 0.9
    """Share of the gradient's running mean that the next step keeps, in [0, 1)."""
    beta2: float = 0.999
    """The same of its square's."""
    epsilon: float = 1e-8
    """Added to the root of the mean square."""
    weight_decay: float = 0.01
    """Decoupled: each step first takes this times the learning rate off all parameters."""

    def __post_init__(self) -> None:
        require_adaptive(self)

    def on(self, parameters: torch.Tensor, gradient: torch.Tensor) -> Descent:
        from torch.optim import AdamW

        return Torchs(
            parameters,
            gradient,
            lambda parameter: AdamW(
                [parameter],
                betas=(self.beta1, self.beta2),
                eps=self.epsilon,
                weight_decay=self.weight_decay,
            ),
        )
