"""SpaFL: clients learn when to prune a filter; only these thresholds travel, one number a filter.

Kim, Saad, Debbah, Hong: SpaFL: Communication-Efficient Federated Learning with Sparse Models and Low
Computational Overhead, NeurIPS 2024, https://arxiv.org/abs/2406.00431. A filter (or neuron) is pruned where
the mean |w| of its weights does not exceed its threshold. Weights never travel: when global thresholds move,
a client moves its own weights. Read against the authors' code (github.com/news-vt/SpaFL_NeruIPS_2024, the
folders ``cifar10`` and ``fmnist``), which differs from data set to data set. Defaults are those for CIFAR-10
with four convolutions, where no gradient passes through the step unless mean |w| and threshold are more than
1 apart: weights being far smaller, thresholds follow their push alone and rise together. On FashionMNIST
(coefficient 0.002) the step's gradient counts as 1 everywhere: ``blind = 0``. Departures:

- A client moves its weights by all that global thresholds have moved since it last took part, when it takes
  part again; there all clients get them in every round.
- Biases and norms are not pruned and stay personal; there pruned layers have no biases.
- The push has one coefficient; for FashionMNIST and CIFAR-100 it is faded in over the first rounds there.
- No gradient clipping; there norms are clipped at 3 (CIFAR-10) or 15 (CIFAR-100).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Server, Strategy
from fedprune.types import Array, Arrays, Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel
    from fedprune.compute.request import Loss

SUFFIX = ".threshold"
FEWEST = 0.01
"""A layer's thresholds begin again at zero when no more than this share of its filters would be left."""


@dataclass(frozen=True)
class SpaFL(Strategy):
    """Algorithm 1. A client's state holds all its weights, pruned ones too: they may come back."""

    keeps_model = True

    coefficient: float = 0.00015
    """Weight of the sum of exp(-threshold) in the loss, which pushes thresholds up."""
    blind: float = 1.0
    """The step's gradient is 1 where mean |w| and threshold are at least so far apart, and 0 elsewhere: with
    ``blind = 0`` it is 1 everywhere, straight through."""

    def __post_init__(self) -> None:
        for name in ("coefficient", "blind"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: must be at least 0, got {getattr(self, name)}")

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        return {f"{name}{SUFFIX}": shape[:1] for name, shape in shapes.items() if len(shape) > 1}

    def begin(self, server: Server) -> Arrays:
        shapes = self.travels({name: value.shape for name, value in server.initial.items()}, frozenset())
        return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}

    def receive(self, client: Client, arrays: Arrays) -> None:
        """Take the thresholds over, and move the weights by what they moved since they last came."""
        client.weights.update(
            {name: client.state.get(name, client.weights[name]) for name in client.prunable}
        )
        for name in client.prunable:
            new = arrays[f"{name}{SUFFIX}"]
            moved = new - client.state.get(f"{name}{SUFFIX}", np.zeros_like(new))
            client.weights[name] = follow(client.weights[name], moved)
        client.weights.update(arrays)
        client.state = dict(arrays)
        _prune(client)

    def train(self, client: Client) -> None:
        weights = client.weights | {name: client.state[name] for name in client.prunable}
        client.weights = client.fit(
            weights, Mask(), loss=_loss(client.prunable, self.coefficient, self.blind)
        )
        _prune(client)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)


def follow(weights: Array, moved: Array) -> Array:
    """Each filter's weights after its threshold moved: against it, in the direction of the filter's sum.

    ``weights`` (filters, ...) float32, ``moved`` (filters,); spread over a kernel's positions, or a neuron's
    inputs.
    """
    spread = math.prod(weights.shape[2:]) if weights.ndim > 2 else weights.shape[1]
    direction = np.sign(weights.reshape(len(weights), -1).sum(axis=1))
    step = (moved * direction / spread).reshape(-1, *[1] * (weights.ndim - 1))
    return np.asarray(weights - step, weights.dtype)


def alive(weights: Array, thresholds: Array) -> Array:
    """Bools (filters,): mean |w| exceeds the threshold."""
    return np.asarray(np.abs(weights).reshape(len(weights), -1).mean(axis=1) > thresholds)


def _prune(client: Client) -> None:
    """Keep all weights in the client's state, and show those of the filters that live."""
    mask = Mask()
    for name in client.prunable:
        weights, key = client.weights[name], f"{name}{SUFFIX}"
        kept = alive(weights, client.weights[key])
        if kept.mean() <= FEWEST:
            client.weights[key] = np.zeros_like(client.weights[key])
            kept = alive(weights, client.weights[key])
        mask[name] = np.broadcast_to(kept.reshape(-1, *[1] * (weights.ndim - 1)), weights.shape)
        client.state[name] = weights
    client.mask, client.weights = mask, mask.apply(client.weights)


def _loss(prunable: Sequence[str], coefficient: float, blind: float) -> Loss:
    """The task's loss of the filters that live now, and what pushes thresholds up."""
    import torch
    from torch.func import functional_call

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        pruned, push = {}, torch.zeros(())
        for name in prunable:
            weights, thresholds = model.parameters[name], model.extra[f"{name}{SUFFIX}"]
            margin = weights.abs().flatten(1).mean(1) - thresholds
            if (margin.detach() > 0).float().mean() <= FEWEST:
                with torch.no_grad():
                    thresholds.zero_()
                margin = weights.abs().flatten(1).mean(1) - thresholds
            # The step's value, and the margin's gradient where it is not blind.
            sees = (margin.detach().abs() >= blind).float()
            step = (margin.detach() > 0).float() + sees * (margin - margin.detach())
            pruned[name] = weights * step.view(-1, *[1] * (weights.dim() - 1))
            push = push + torch.exp(-thresholds).sum()
        outputs = functional_call(model.module, pruned, (x,))
        return model.loss(outputs, y) + coefficient * push

    return loss
