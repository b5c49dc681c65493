"""Optimizers: one per file, a frozen dataclass whose fields are keys of ``[train]``.

An optimizer works on a model's flat buffers, see ``compute.model.LocalModel``: one vector of parameters and
one of gradients, whatever the number of layers. It knows of no mask: the loop sets pruned coordinates back to
zero after each of its steps. torch is imported inside the methods that compute, so that reading a scenario
does not load it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


class Descent(Protocol):
    """An optimizer at work on one model, with what it remembers from step to step."""

    def step(self, lr: float) -> None:
        """Move the parameters in place, by the gradient that stands in its buffer now."""


@dataclass(frozen=True)
class Optimizer:
    """The hyper-parameters of an optimizer, the learning rate apart."""

    def on(self, parameters: torch.Tensor, gradient: torch.Tensor) -> Descent:
        """Begin a descent that remembers nothing yet.

        Args:
            parameters: a float32 vector without a graph, which steps change in place.
            gradient: its gradient, of the same shape and on the same device, to be filled before each step.
        """
        raise NotImplementedError


def require(made: Any, **bounds: tuple[float, float]) -> None:
    """Raises ValueError, naming the field, unless each field's value lies in its [low, high)."""
    for name, (low, high) in bounds.items():
        value = getattr(made, name)
        if not low <= value < high:
            where = f"lie in [{low:g}, {high:g})" if high < float("inf") else f"be at least {low:g}"
            raise ValueError(f"{name}: must {where}, got {value}")
