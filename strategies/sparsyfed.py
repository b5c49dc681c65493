"""SparsyFed: weights are powers of what is trained, so that the small stay small; replies keep the largest.

Guastella, Sani, Iacob, Mora, Bellavista, Lane: SparsyFed: Sparse Adaptive Federated Training, ICLR 2025,
https://arxiv.org/abs/2504.05153. Read against the authors' code, of which a public copy was at hand
(``sparsyfed_modules.py``, ``cifar_resnet18/train_test.py``). A weight is sign(v) |v|^power (Powerpropagation:
Schwarz et al., NeurIPS 2021); clients train v, whose gradient vanishes at zero, and keep the largest of all
layers together, and the server averages them with the others' zeros. Departures:

- Activations are not pruned in the backward pass, which is there to save multiply-adds.
- Pruned weights go by name: those of convolutions and linear layers, the first and the last too.
- The first v are such that the network begins with the keyed initial weights.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel


@dataclass(frozen=True)
class SparsyFed(Strategy):
    """One model for all, whose mask is what any client kept. v travels and is on the server; a client's
    weights are their powers. No client keeps a model: it deploys the shared one, trained and pruned."""

    density: float = 0.05
    """Kept share of the prunable weights of every reply, in (0, 1]."""
    power: float = 1.25
    """At least 1; 1 leaves weights as they are."""

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density: must lie in (0, 1], got {self.density}")
        if self.power < 1:
            raise ValueError(f"power: must be at least 1, got {self.power}")

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def begin(self, server: Server) -> Arrays:
        return raised(server.weights, server.prunable, 1 / self.power)

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        ours = Mask({name: server.weights[name] != 0 for name in server.prunable})
        return Payload({name: server.weights[name] for name in travelling}, None if ours == mask else ours)

    def receive(self, client: Client, arrays: Arrays) -> None:
        super().receive(client, raised(arrays, client.prunable, self.power))

    def train(self, client: Client) -> None:
        from torch.func import functional_call

        def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            trained = {name: model.parameters[name] for name in client.prunable}
            powers = {name: v.sign() * v.abs().pow(self.power) for name, v in trained.items()}
            return model.loss(functional_call(model.module, powers, (x,)), y)

        below = raised(client.weights, client.prunable, 1 / self.power)
        trained = client.fit(below, client.mask, loss=loss)
        client.weights = raised(trained, client.prunable, self.power)

    def after_training(self, client: Client) -> None:
        # What is largest is so before and after the power.
        mask = magnitude.prune_global(client.weights, Mask(), 1 - self.density, client.prunable)
        client.mask, client.weights = mask, mask.apply(client.weights)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        below = raised(client.weights, client.prunable, 1 / self.power)
        return Payload({name: below[name] for name in travelling}, client.mask)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        """A weight that a client pruned counts as zero."""
        whole = [replace(update, mask=Mask()) for update in updates]
        return server.combine(whole, weighted=True)

    def global_model(self, server: Server) -> Arrays:
        return raised(server.weights, server.prunable, self.power)


def raised(arrays: Arrays, names: Collection[str], power: float) -> Arrays:
    """``arrays`` with sign(a) |a|^power in place of those of ``names``."""
    return {
        name: (np.sign(value) * np.abs(value) ** power).astype(value.dtype) if name in names else value
        for name, value in arrays.items()
    }
