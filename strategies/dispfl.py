"""DisPFL: personal masks of fixed density; in each round weak weights move to where the gradient is largest.

Dai, Shen, He, Tian, Tao: DisPFL: Towards Communication-Efficient Personalized Federated Learning via
Decentralized Sparse Training, ICML 2022, https://arxiv.org/abs/2206.00187. Defaults are the published code's
(github.com/rong-dai/DisPFL, ``standalone/DisPFL/dispfl_api.py`` and ``client.py``) unless said otherwise. As
there, a client starts each round from the mean over holders under its *next* mask, so what it regrows arrives
trained by others. Departures, from that code:

- A server instead of neighbours: a client receives, on its mask, the last mean over holders that the server
  made of each weight, over the clients of one round and not of each client's own neighbours. A weight that
  nobody has held yet arrives as it was initialised; there it is zero.
- The server learns the next mask with the reply, coded against the mask that was trained; there masks come
  with the neighbours' models. A mean counts only what was trained, in both.
- The first order to a client goes down whole: the server cannot know its random mask.
- Only weights of convolutions and linear layers are masked; there biases and norms are, too.
- Places are regrown by gradient, as there by default; its script for CIFAR-10 regrows at random.
- The gradient is taken in training mode, there in evaluation mode; shares are rounded down, there up.
- Clients train only when they are sampled; there all train in every round, with gradients clipped at 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedprune.aggregation import Update
from fedprune.pruning.groups import ChannelGroup
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

    def before_training(self, client: Client) -> None:
        """A newcomer's random mask; what it received is tested as it came."""
        if client.mask:
            return
        shapes = {name: client.weights[name].shape for name in client.prunable}
        counts = layer_counts(shapes, self.density, self.layers)
        client.mask = random_mask(shapes, counts, client.rng("first mask", every_round=False))
        client.weights = client.mask.apply(client.weights)

    def after_training(self, client: Client) -> None:
        """Choose the mask of the client's next round; what this round trained stays under its own."""
        share = cosine_share(self.drop, client.round - 1, self.anneal or client.rounds)
        if share > 0:
            gradient = client.gradient(client.weights, batches=1)
            moved = drop_and_regrow(client.mask, client.weights, gradient, share, client.prunable)
            client.scratch["next"] = moved

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        news = None if client.mask == client.shared else client.mask
        arrays = {name: client.weights[name] for name in travelling}
        return Payload(arrays, news, next_mask=client.scratch.get("next"))

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)
