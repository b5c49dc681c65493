"""Each parameter goes one learning rate against the sign of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedprune.compute.optimizers import Optimizer

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Signs(Optimizer):
    """signSGD (Bernstein et al., ICML 2018)."""

    def on(self, parameters: torch.Tensor, gradient: torch.Tensor) -> _Descent:
        return _Descent(parameters, gradient)


@dataclass(frozen=True)
class _Descent:
    parameters: torch.Tensor
    gradient: torch.Tensor

    def step(self, lr: float) -> None:
        self.parameters.sub_(self.gradient.sign(), alpha=lr)
