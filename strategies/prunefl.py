"""PruneFL: one mask for all, which the server reshapes now and then to learn the most per unit of time.

Jiang, Wang, Valls, Ko, Lee, Leung, Tassiulas: Model Pruning Enables Efficient Federated Learning on Edge
Devices, IEEE Transactions on Neural Networks and Learning Systems, 2022, https://arxiv.org/abs/1909.12326.
Read against the authors' code (github.com/jiangyuang/PruneFL, ``simulation/adaptive.py``,
``control/algorithm.py``, ``configs/cifar10.py``). A step is expected to lower the loss by the sum of the
living weights' squared gradients, and takes a constant time and some for each weight: what is dead, and of
what is alive the smallest, (re)enters while that raises the quotient. Departures:

- No pruning by one client before the first round (their switch ``--no-init-pruning``): it starts dense.
- Every weight takes the same time, as a byte on the wire does; there each layer's is measured on a device.
- Gradients are those of the clients sampled in the round of a reconfiguration, at the models that they
  trained, over all their samples; there every client sums those of its steps since the last one.
- ``density`` is met exactly; there one weight more may enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.strategy import Choice, Client, Payload, Server, Strategy
from fedprune.types import Array, Arrays, Shapes, Way

SQUARE = "square:"
"""Begins the names of squared gradients, so that they are no weights."""


@dataclass(frozen=True)
class PruneFL(Strategy):
    """Adaptive pruning. No client keeps a model: it deploys the shared one, trained under the mask."""

    density: float = 0.5
    """The most that the mask may keep of the prunable weights, in (0, 1]; ours, there it is given."""
    interval: int = 10
    """Rounds between reconfigurations, of which the first is in round 1; 50 there, in 10,000 rounds."""
    drop: float = 0.3
    """Share of each layer's living weights, the smallest, that a reconfiguration may drop."""
    constant: float = 1.0
    """The time that a step takes beside its weights', in units of all prunable weights' time."""

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density: must lie in (0, 1], got {self.density}")
        if not 0 <= self.drop <= 1:
            raise ValueError(f"drop: must lie in [0, 1], got {self.drop}")
        if self.interval < 1:
            raise ValueError(f"interval: must be at least 1, got {self.interval}")
        if self.constant < 0:
            raise ValueError(f"constant: must be at least 0, got {self.constant}")

    def refuses(self, section: Choice) -> str | None:
        if section == "server_optimizer":
            return None
        return "squared gradients travel beside weights, and are no updates"

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        squares = {SQUARE + name: shape for name, shape in shapes.items() if name not in statistics}
        return {**super().travels(shapes, statistics), **squares}

    def part(self, travelling: Shapes, way: Way, round: int) -> Shapes:
        if way == "up" and self._reconfigures(round):
            return travelling
        return {name: shape for name, shape in travelling.items() if not name.startswith(SQUARE)}

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        ours = Mask(server.memory)
        return Payload({name: server.weights[name] for name in travelling}, None if ours == mask else ours)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        arrays = dict(client.weights)
        if self._reconfigures(client.round):
            for name, value in client.gradient(client.weights).items():
                arrays[SQUARE + name] = np.square(value)
        return Payload({name: arrays[name] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        weights = server.combine(updates, weighted=True)
        if self._reconfigures(server.round):
            gains = {
                name.removeprefix(SQUARE): _weighted_sum(name, updates)
                for name in updates[0].arrays
                if name.startswith(SQUARE)
            }
            server.memory = dict(self._reshaped(weights, Mask(server.memory), gains, server.prunable))
        return weights

    def global_model(self, server: Server) -> Arrays:
        return Mask(server.memory).apply(server.weights)

    def _reconfigures(self, round: int) -> bool:
        return (round - 1) % self.interval == 0

    def _reshaped(self, weights: Arrays, mask: Mask, gains: Arrays, names: tuple[str, ...]) -> Mask:
        """What stays in any case, and of all else what raises the gain per time, the largest gains first."""
        staying = magnitude.prune(weights, mask, self.drop, names)
        stays = np.concatenate([staying[name].reshape(-1) for name in names])
        gain = np.concatenate([gains[name].reshape(-1) for name in names])
        open_to = np.flatnonzero(~stays)
        ordered = open_to[np.argsort(-gain[open_to], kind="stable")]
        # Biases and norms always learn, in no time.
        gained = gain[stays].sum() + sum(value.sum() for name, value in gains.items() if name not in names)
        kept = int(np.count_nonzero(stays))
        room = max(0, round(self.density * gain.size) - kept)
        more = _worthwhile(gain[ordered], float(gained), self.constant * gain.size + kept)
        stays[ordered[: min(room, more)]] = True
        ends = np.cumsum([gains[name].size for name in names])[:-1]
        parts = zip(names, np.split(stays, ends), strict=True)
        return Mask({name: part.reshape(gains[name].shape) for name, part in parts})


def _weighted_sum(name: str, updates: Sequence[Update]) -> Array:
    """Over clients, by number of samples, in float64; it orders weights as their mean does."""
    parts = [update.samples * update.arrays[name].astype(np.float64) for update in updates]
    return np.asarray(np.add.reduce(parts))


def _worthwhile(gains: Array, gained: float, time: float) -> int:
    """How many of ``gains``, which fall, raise (gained + their sum) / (time + their number), one by one."""
    before = gained + np.concatenate([np.zeros(1), np.cumsum(gains)[:-1]])
    worth = gains * (time + np.arange(gains.size)) > before
    return int(gains.size if worth.all() else np.argmin(worth))
