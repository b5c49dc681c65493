"""FedDST: one sparse mask for all, which clients now and then readjust by drop and regrowth on their data.

Bibikar, Vikalo, Wang, Chen: Federated Dynamic Sparse Training: Computing Less, Communicating Less, Yet
Learning Better, AAAI 2022, https://arxiv.org/abs/2112.09824. Defaults are those of the published code's
command for CIFAR-10 (github.com/bibikar/feddst: sparsity 0.8, alpha 0.01, every 15 rounds), and so the mask
moves very little: twice in 60 rounds, by at most 1 % of each layer. Read against its ``dst.py`` and
``models.py``; its argument parser has alpha 0.5 every 10 rounds. Departures, from this code:

- A client readjusts after the first half of its local epochs, rounded up, and trains on with fresh momentum;
  there after epochs that are counted over all its rounds, by default the last of 10. With a single epoch the
  two agree: regrown weights go up as the zeros they start from.
- The share that moves is the annealed one; there it is computed, but only asked whether it is zero. It is
  taken of each layer's count, so counts never change; there they are computed anew for the higher sparsity,
  and regrowth may pick places that are alive.
- A place dropped and regrown at once keeps its value, as in RigL; there it starts at zero.
- ERK densities are scaled to the total and capped at 1, what is above going to other layers; there raw
  sparsities are scaled.
- Weights outside the mask keep their last mean on the server, unused unless they are regrown and then
  averaged anew; there they are set to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.pruning.regrow import Layers, cosine_share, drop_and_regrow, keep_largest, layer_counts
from fedprune.strategy import Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes


@dataclass(frozen=True)
class FedDST(Strategy):
    """One mask for all, which moves. No client keeps a model: it deploys the shared one, trained under it."""

    density: float = 0.2
    """Kept share of the prunable weights, in (0, 1]."""
    layers: Layers = "erk"
    """How the density is spread over layers: by Erdos-Renyi kernel, or the same to each."""
    drop: float = 0.01
    """Share of each layer's kept weights that a client moves in a readjustment (alpha), at first."""
    interval: int = 15
    """Rounds between readjustments, of which the first is in round 2."""
    anneal: int | None = None
    """Rounds over which that share falls to zero as a cosine, after which the mask is fixed; half of the
    run's, rounded up, unless given."""

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density: must lie in (0, 1], got {self.density}")
        if not 0 <= self.drop <= 1:
            raise ValueError(f"drop: must lie in [0, 1], got {self.drop}")
        for name in ("interval", "anneal"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: must be at least 1, got {value}")

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def begin(self, server: Server) -> Arrays:
        """The first mask keeps the largest initial weights of each layer."""
        server.memory = dict(keep_largest(server.initial, Mask(), self._counts(server)))
        return server.weights

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        ours = Mask(server.memory)
        return Payload({name: server.weights[name] for name in travelling}, None if ours == mask else ours)

    def train(self, client: Client) -> None:
        over = self.anneal or -(-client.rounds // 2)
        share = cosine_share(self.drop, client.round - 1, over)
        # The model that is deployed at the end is trained under the mask of all.
        if client.final or share == 0 or (client.round - 2) % self.interval:
            super().train(client)
            return
        first = -(-client.epochs // 2)
        weights = client.fit(client.weights, client.mask, epochs=first)
        gradient = client.gradient(weights, batches=1)
        client.mask = drop_and_regrow(client.mask, weights, gradient, share, client.prunable)
        client.weights = client.mask.apply(weights)
        if client.epochs > first:
            client.weights = client.fit(client.weights, client.mask, epochs=client.epochs - first)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        news = None if client.mask == client.shared else client.mask
        return Payload({name: client.weights[name] for name in travelling}, news)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        """Combined over holders by samples; of what anybody holds, the largest are the next mask."""
        weights = server.combine(updates, weighted=True)
        held = Mask(
            {
                name: np.logical_or.reduce([update.mask[name] for update in updates])
                for name in server.prunable
            }
        )
        server.memory = dict(keep_largest(weights, held, self._counts(server)))
        return weights

    def global_model(self, server: Server) -> Arrays:
        return Mask(server.memory).apply(server.weights)

    def _counts(self, server: Server) -> dict[str, int]:
        shapes = {name: server.weights[name].shape for name in server.prunable}
        return layer_counts(shapes, self.density, self.layers)
