"""Stochastic gradient descent with momentum and coupled weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedprune.compute.optimizers import Descent, Optimizer, require

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SGD(Optimizer):
    """The update of torch.optim.SGD, to the bit."""

    momentum: float = 0.5
    """Share of the last step's velocity that the next one keeps, in [0, 1)."""
    weight_decay: float = 0.0
    """L2 as torch's SGD has it: this times the weights joins the gradient, of all parameters."""

    def __post_init__(self) -> None:
        require(self, momentum=(0, 1), weight_decay=(0, float("inf")))

    def on(self, parameters: torch.Tensor, gradient: torch.Tensor) -> Descent:
        return _Velocity(self, parameters, gradient)


class _Velocity:
    """By hand, since torch's bookkeeping costs more than the arithmetic of a small model's step
    (``tests/benchmarks/bench_optimizer.py``)."""

    def __init__(self, sgd: SGD, parameters: torch.Tensor, gradient: torch.Tensor) -> None:
        import torch

        self._sgd, self._parameters, self._gradient = sgd, parameters, gradient
        self._velocity = torch.zeros_like(parameters)

    def step(self, lr: float) -> None:
        if self._sgd.weight_decay:
            self._gradient.add_(self._parameters, alpha=self._sgd.weight_decay)
        self._velocity.mul_(self._sgd.momentum).add_(self._gradient)
        self._parameters.sub_(self._velocity, alpha=lr)
