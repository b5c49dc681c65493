"""A model w * x with the loss (w * x - y)^2 / 2, and plain gradient steps on it: a strategy's own loss can be
followed by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays


class Line(nn.Module):
    """w * x."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([list(weights)]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.w


class LineModel:
    """As much of a ``LocalModel`` as losses see."""

    def __init__(self, weights: Arrays) -> None:
        self.module = Line([float(value) for value in weights["w"][0]])
        self.parameters = dict(self.module.named_parameters())

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((outputs - targets) ** 2 / 2).sum()

    def weights(self) -> Arrays:
        return {"w": self.module.w.detach().numpy().copy()}


class LineLoop:
    """As much of a ``Loop`` as a peer's user sees: plain gradient steps."""

    def __init__(self, weights: Arrays, lr: float) -> None:
        self.model, self.step = LineModel(weights), SimpleNamespace(lr=lr)

    def descend(self, loss: torch.Tensor) -> None:
        self.model.module.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in self.model.parameters.values():
                if parameter.grad is not None:
                    parameter -= self.step.lr * parameter.grad


def line_fit(lr: float, goals: Sequence[float]) -> Callable[..., Arrays]:
    """``client.fit`` by a batch for each of the goals y, at x = 1."""

    def fit(weights: Arrays, mask: Mask, *, loss: Any) -> Arrays:
        loop = LineLoop(weights, lr)
        for goal in goals:
            loop.descend(loss(loop.model, torch.ones(1), torch.tensor([goal])))
        return loop.model.weights()

    return fit


def line_peer(lr: float, initial: float = 0.0) -> Callable[..., LineLoop]:
    """``client.peer``, which starts at ``initial`` where nothing is handed to it."""

    def peer(model: dict[str, Any], weights: Arrays, *, steps: int = 1) -> LineLoop:
        return LineLoop({"w": np.float32([[initial]]), **weights}, lr)

    return peer
