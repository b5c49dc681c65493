"""HeteroFL: each client trains the first channels of every layer, as many as its machine can take.

Diao, Ding, Tarokh: HeteroFL: Computation and Communication Efficient Federated Learning for Heterogeneous
Clients, ICLR 2021, https://arxiv.org/abs/2010.01264. Read against the authors' code (github.com/diaoenmao,
``fed.py``, ``models/conv.py``, ``modules.py``). A narrow model's hidden outputs are divided by its width, as
there, so that they are as large as the whole model's. Departures:

- Client i has ``widths[i]``, counted round and round; the code gives the first clients the first width, or
  draws widths anew in each round.
- A client uses its narrow model, divided as in training; there all clients are tested with the whole one.
- Labels that a client lacks are in its loss and in the mean of the last layer; the code leaves both out
  ("masked cross-entropy"). Here they are only what fine-tuning makes of them.
- Running statistics of batch norms are averaged as weights are; the code gathers none in training, and in the
  end the server gathers the whole model's from all clients' data.
- No gradient clipping (at a norm of 1 there).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.groups import ChannelGroup, channel_mask
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Payload, Removed, Server, Strategy
from fedprune.types import Arrays, Shapes, layer_of

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel
    from fedprune.compute.request import Loss


@dataclass(frozen=True)
class HeteroFL(Strategy):
    """Nested submodels, each weight averaged over the clients that have it. No client keeps a model."""

    widths: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125, 0.0625)
    """Shares of each layer's channels, in (0, 1], that the clients have by turns; the paper's levels a to
    e."""

    def __post_init__(self) -> None:
        if not self.widths or not all(0 < width <= 1 for width in self.widths):
            raise ValueError(f"widths: must be some, each in (0, 1], got {list(self.widths)}")

    @property
    def removes(self) -> Removed | None:
        return "any"

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*prunable, *(name for group in groups for name, _, _ in group.members)]))

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        """A newcomer is told its submodel, which never changes."""
        arrays = {name: server.weights[name] for name in travelling}
        return Payload(arrays, None if mask else self._submodel(server))

    def receive(self, client: Client, arrays: Arrays) -> None:
        super().receive(client, arrays)
        client.weights = self._times(client, 1 / self._width(client.id))

    def train(self, client: Client) -> None:
        width = self._width(client.id)
        shared = self._times(client, width)
        client.weights = client.fit(shared, client.mask, loss=_loss(_hidden(client), 1 / width))
        client.weights = self._times(client, 1 / width)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        shared = self._times(client, self._width(client.id))
        return Payload({name: shared[name] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)

    def _width(self, client: int) -> float:
        return self.widths[client % len(self.widths)]

    def _submodel(self, server: Server) -> Mask:
        shapes = {name: value.shape for name, value in server.weights.items()}
        mask = Mask.ones({name: shapes[name] for name in self.masked(server.prunable, server.groups)})
        for group in server.groups:
            alive = np.arange(group.size) < math.ceil(self._width(server.recipient) * group.size)
            mask = channel_mask(group, alive, mask, shapes)
        return mask

    def _times(self, client: Client, factor: float) -> Arrays:
        """The client's weights with those that make hidden outputs, and their biases, times ``factor``.

        A client uses its weights divided by its width: they compute at once what training computes with the
        division, and what travels is times the width again.
        """
        hidden = _hidden(client)
        return {
            name: value * np.float32(factor) if name in hidden else value
            for name, value in client.weights.items()
        }


def _hidden(client: Client) -> set[str]:
    """Weights and biases of the layers whose outputs are hidden channels."""
    weights = {
        name
        for group in client.groups
        for name, axis, _ in group.members
        if axis == 0 and client.weights[name].ndim > 1
    }
    layers = {layer_of(name) for name in weights}
    return {name for name in client.weights if layer_of(name) in layers}


def _loss(hidden: set[str], factor: float) -> Loss:
    """The task's loss of the network whose hidden outputs are times ``factor``."""
    from torch.func import functional_call

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        parts = {
            name: value * factor if name in hidden else value for name, value in model.parameters.items()
        }
        return model.loss(functional_call(model.module, parts, (x,)), y)

    return loss
