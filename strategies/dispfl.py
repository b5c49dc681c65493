"""DisPFL: personal masks of fixed density; in each round weak weights move to where the gradient is largest.

Dai, Shen, He, Tian, Tao: DisPFL: Towards Communication-Efficient Personalized Federated Learning via
Decentralized Sparse Training, ICML 2022, https://arxiv.org/abs/2206.00187. Defaults are the published code's
unless said otherwise. Departures, from that code:

- A server instead of neighbours: a client receives, on its mask, the last mean over holders that the server
  made of each weight, over the clients of one round and not of each client's own neighbours.
- A client moves its mask after training, as there, but the server learns of it with the client's next reply,
  whose mask is the one trained. So a mean never counts a regrown weight as held before it was trained, and a
  regrown weight starts at zero; there it starts at its neighbours' mean.
- The first order to a client goes down whole: the server cannot know its random mask.
- Only weights of convolutions and linear layers are masked; there biases are, too.
- Places are regrown by gradient, as there by default; its script for CIFAR-10 regrows at random.
- The gradient is taken in training mode, there in evaluation mode; shares are rounded down, there up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedprune.aggregation import Update
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.pruning.regrow import Layers, cosine_share, drop_and_regrow, layer_counts, random_mask
from fedprune.strategy import Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes


@dataclass(frozen=True)
class DisPFL(Strategy):
    """Personal masks of one density, and a mean over those that hold a weight."""

    keeps_model = True

    density: float = 0.5
    """Kept share of the prunable weights of every client, in (0, 1]."""
    layers: Layers = "erk"
    """How the density is spread over layers: by Erdos-Renyi kernel, or the same to each."""
    drop: float = 0.5
    """Share of each layer's kept weights that moves after round 1."""
    anneal: int | None = None
    """Rounds over which that share falls to zero as a cosine, after which masks are fixed; all of the run's
    unless given."""

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density: must lie in (0, 1], got {self.density}")
        if not 0 <= self.drop <= 1:
            raise ValueError(f"drop: must lie in [0, 1], got {self.drop}")
        if self.anneal is not None and self.anneal < 1:
            raise ValueError(f"anneal: must be at least 1, got {self.anneal}")

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def receive(self, client: Client, arrays: Arrays) -> None:
        # Zero outside the shared mask, so what is regrown starts there.
        client.weights.update(arrays)
        client.mask = Mask(client.state) if client.state else client.shared
        client.weights = client.mask.apply(client.weights)

    def before_training(self, client: Client) -> None:
        """A newcomer's random mask; what it received is tested as it came."""
        if client.state:
            return
        shapes = {name: client.weights[name].shape for name in client.prunable}
        counts = layer_counts(shapes, self.density, self.layers)
        client.mask = random_mask(shapes, counts, client.rng("first mask", every_round=False))
        client.weights = client.mask.apply(client.weights)

    def after_training(self, client: Client) -> None:
        """Choose the mask of the client's next round; this round's goes up with what it trained."""
        chosen, over = client.mask, self.anneal or client.rounds
        share = cosine_share(self.drop, client.round - 1, over)
        if share > 0:
            gradient = client.gradient(client.weights, batches=1)
            chosen = drop_and_regrow(client.mask, client.weights, gradient, share, client.prunable)
        client.state = dict(chosen)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        news = None if client.mask == client.shared else client.mask
        return Payload({name: client.weights[name] for name in travelling}, news)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)
