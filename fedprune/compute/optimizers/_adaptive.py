"""What Adam and AdamW share: the bounds of their fields, and torch's optimizers on a flat buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fedprune.compute.optimizers import require

if TYPE_CHECKING:
    import torch


def require_adaptive(made: Any) -> None:
    """Raises ValueError, naming the field, unless all hyper-parameters make sense."""
    require(made, beta1=(0, 1), beta2=(0, 1), weight_decay=(0, float("inf")))
    if made.epsilon <= 0:
        raise ValueError(f"epsilon: must be greater than 0, got {made.epsilon}")


class Torchs:
    """An optimizer of torch's as a descent."""

    def __init__(
        self,
        parameters: torch.Tensor,
        gradient: torch.Tensor,
        make: Callable[[torch.nn.Parameter], torch.optim.Optimizer],
    ) -> None:
        from torch.nn import Parameter

        # Shares its memory with the buffer.
        parameter = Parameter(parameters)
        parameter.grad = gradient
        self._optimizer = make(parameter)

    def step(self, lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.step()
