"""Adam: steps scaled by running means of the gradient and of its square.

Kingma, Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, https://arxiv.org/abs/1412.6980.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedprune.compute.optimizers import Descent, Optimizer
from fedprune.compute.optimizers._adaptive import Torchs, require_adaptive

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Adam(Optimizer):
    """torch.optim.Adam over the flat parameter; a learning rate of 0.001 is usual."""

    beta1: float = 0.9
    """Share of the gradient's running mean that the next step keeps, in [0, 1)."""
    beta2: float = 0.999
    """The same of its square's."""
    epsilon: float = 1e-8
    """Added to the root of the mean square."""
    weight_decay: float = 0.0
    """L2: this times the weights joins the gradient, of all parameters."""

    def __post_init__(self) -> None:
        require_adaptive(self)

    def on(self, parameters: torch.Tensor, gradient: torch.Tensor) -> Descent:
        from torch.optim import Adam

        return Torchs(
            parameters,
            gradient,
            lambda parameter: Adam(
                [parameter],
                betas=(self.beta1, self.beta2),
                eps=self.epsilon,
                weight_decay=self.weight_decay,
            ),
        )
