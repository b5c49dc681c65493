"""FedSelect: the parameters that change most become personal, step by step; the rest is averaged.

Tamirisa, Xie, Bao, Zhou, Arel, Shamsian: FedSelect: Personalized Federated Learning with Customized Selection
of Parameters for Fine-Tuning, CVPR 2024, https://arxiv.org/abs/2404.02478. Read against the authors' code
(github.com/lapisrocks/fedselect: ``fedselect.py``, ``lottery_ticket.py``, ``broadcast.py``), whose defaults
these are: 25 % a step, at most 80 %, every third round; the paper varies them. As there, a step ranks how far
weights have moved since the step before (at first since they were initialised), and what it makes personal
still counts in that round's mean and is overwritten once more by it, before the client alone trains it.
Departures:

- Every third of a client's own participations; there of all rounds, in which all clients take part.
- The last step in a layer is cut so that ``limit`` is not overshot; there a layer stops once it is beyond.
- Only weights of convolutions and linear layers can become personal. Biases and norms travel and are
  averaged; there everything named "weight" can, norms' scales too, and running statistics never travel.
- No gradient clipping (an option there, off by default).
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
from fedprune.types import Array, Arrays, Bools, Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel


SHARED, BEFORE, VISITS = "shared:", "before:", "visits"
"""A client's state: what it shares from its next round on, its weights at its last step, and its rounds."""


@dataclass(frozen=True)
class FedSelect(Strategy):
    """GradSelect and LocalAlt; ``client.shared`` holds what is still averaged, and nothing is ever pruned."""

    keeps_model = True

    rate: float = 0.25
    """Share of a layer's still shared weights that become personal in one step."""
    limit: float = 0.8
    """Largest share of a layer's weights that may be personal."""
    interval: int = 3
    """Participations of a client from one step to the next; the first is taken after so many and one more."""

    def __post_init__(self) -> None:
        if self.interval < 1:
            raise ValueError(f"interval: must be at least 1, got {self.interval}")
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
        """From now on the client has for itself what its last step chose."""
        shapes = {name: client.weights[name].shape for name in client.prunable}
        chosen = {name: client.state[SHARED + name] for name in shapes if SHARED + name in client.state}
        client.scratch["known"] = client.shared
        client.shared = Mask({**client.shared.with_dense(shapes), **chosen})

    def train(self, client: Client) -> None:
        """LocalAlt: each local epoch is a pass for what is personal, then one for what is shared."""
        personal = Mask({name: ~kept for name, kept in client.shared.items()})
        for _ in range(client.epochs):
            if personal.kept:
                client.weights = _one_pass(client, personal, others=False)
            client.weights = _one_pass(client, client.shared, others=True)

    def after_training(self, client: Client) -> None:
        """GradSelect, now and then: of each layer's shared weights those that moved furthest are next."""
        visits = int(client.state[VISITS][0]) if VISITS in client.state else 0
        client.state = {**client.state, VISITS: np.array([visits + 1])}
        if not visits or visits % self.interval:
            return
        for name, kept in client.shared.items():
            before = client.state.get(BEFORE + name, client.initial[name])
            client.state[SHARED + name] = self._still_shared(kept, client.weights[name] - before)
            client.state[BEFORE + name] = client.weights[name]

    def _still_shared(self, kept: Bools, moved: Array) -> Bools:
        """What of a layer's shared weights is left after a step; both arrays have the layer's shape."""
        shared = np.flatnonzero(kept)
        room = share_of(self.limit, kept.size) - (kept.size - shared.size)
        count = min(share_of(self.rate, shared.size), room)
        left = kept.copy()
        left.reshape(-1)[shared[smallest(-np.abs(moved).reshape(-1)[shared], count)]] = False
        return left

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        news = None if client.shared == client.scratch["known"] else client.shared
        return Payload({name: client.weights[name] for name in travelling}, news)

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
