"""FedSelect: the parameters that change most become personal, step by step; the rest is averaged.

Tamirisa, Xie, Bao, Zhou, Arel, Shamsian: FedSelect: Personalized Federated Learning with Customized Selection
of Parameters for Fine-Tuning, CVPR 2024, https://arxiv.org/abs/2404.02478. Defaults are those of the authors'
code (github.com/lapisrocks/fedselect: 25 % a step, at most 80 %); the paper varies both. Departures:

- A step is taken at every participation, by the change in that round's local training. The published code
  takes one every third round and compares with the weights at the last step.
- The last step in a layer is cut so that ``limit`` is not overshot; the published code stops only beyond it.
- What has just become personal is not sent once more; in the published code it still counts in the mean of
  the round in which it was chosen.
- Only weights of convolutions and linear layers can become personal. Biases and norms travel and are averaged
  (in the published code everything named "weight" can, so norms' scales too).
- No gradient clipping (an option of the published code).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of, smallest
from fedprune.strategy import Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel


@dataclass(frozen=True)
class FedSelect(Strategy):
    """GradSelect and LocalAlt; ``client.shared`` holds what is still averaged, and nothing is ever pruned."""

    keeps_model = True

    rate: float = 0.25
    """Share of a layer's still shared weights that become personal in one step."""
    limit: float = 0.8
    """Largest share of a layer's weights that may be personal."""

    def __post_init__(self) -> None:
        for name in ("rate", "limit"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: must lie in [0, 1], got {getattr(self, name)}")

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def receive(self, client: Client, arrays: Arrays) -> None:
        for name, value in arrays.items():
            shared = client.shared.get(name, np.True_)
            client.weights[name] = np.where(shared, value, client.weights[name])

    def before_training(self, client: Client) -> None:
        client.scratch["received"] = client.weights
        shapes = {name: client.weights[name].shape for name in client.prunable}
        client.shared = client.shared.with_dense(shapes)

    def train(self, client: Client) -> None:
        """LocalAlt: each local epoch is a pass for what is personal, then one for what is shared."""
        personal = Mask({name: ~kept for name, kept in client.shared.items()})
        for _ in range(client.epochs):
            if personal.kept:
                client.weights = _one_pass(client, personal, others=False)
            client.weights = _one_pass(client, client.shared, others=True)

    def after_training(self, client: Client) -> None:
        """GradSelect: of each layer's shared weights those that training changed most become personal."""
        received = client.scratch["received"]
        grown = client.shared.copy()
        for name, kept in client.shared.items():
            change = np.abs(client.weights[name] - received[name]).reshape(-1)
            shared = np.flatnonzero(kept)
            room = share_of(self.limit, kept.size) - (kept.size - shared.size)
            count = min(share_of(self.rate, shared.size), room)
            grown[name].reshape(-1)[shared[smallest(-change[shared], count)]] = False
        client.shared = grown

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return Payload({name: client.weights[name] for name in travelling}, client.shared)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)


def _one_pass(client: Client, moving: Mask, *, others: bool) -> Arrays:
    """The weights after one epoch in which only ``moving`` trains, and with ``others`` what it has no entry
    for."""
    import torch
    from torch.func import functional_call

    trained: set[str] = set()
    moves = {name: torch.from_numpy(part) for name, part in moving.items()}
    rest = torch.tensor(others)

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        trained.update(model.parameters)
        parts = {
            name: torch.where(moves.get(name, rest), value, value.detach())
            for name, value in model.parameters.items()
        }
        return model.loss(functional_call(model.module, parts, (x,)), y)

    old, new = client.weights, client.fit(client.weights, client.mask, epochs=1, loss=loss)
    # Without a gradient a weight still decays: what stands still is put back.
    return {
        name: np.where(moving.get(name, np.bool_(others)), value, old[name]) if name in trained else value
        for name, value in new.items()
    }
