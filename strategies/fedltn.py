"""FedLTN: tickets pruned after training and never rewound, batch norm that stays at home, a jump-start.

Mugunthan, Lin, Gokul, Lau, Kagal, Pietz: FedLTN: Federated Learning for Sparse and Personalized Lottery
Ticket Networks, ECCV 2022, https://doi.org/10.1007/978-3-031-19775-8_5. Written from the paper's abstract and
summary; no code, of the authors or of others, was found. Departures, and what could not be checked:

- ``step`` and ``gate`` are LotteryFL's (the paper builds on it), ``target`` is the 90 % that its authors
  report; whether they are the paper's own is not verified.
- The gate and the jump-start read validation (or, without any, training) data and the trained model.
- The jump-start is the first round: its clients train for the scenario's local epochs and prune nothing, and
  the server takes over the best one's model, the first's among equals. Its length in the paper is not
  verified.
- Batch norms stay at home then too, so the model taken over comes without them. The server never has any: the
  accuracy of the global model is that with initial norms, and says little.
- Group norms, which keep no statistics, travel like weights.
- Server momentum is the scenario's: ``[server_optimizer] name = "momentum"``. Off by default, since the
  paper's form and factor could not be verified.
- Holders count alike, whatever their number of samples. The accelerated pruning of the paper, with its
  rollback, is left out. The last step is cut so that ``target`` is met exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.budget import prune_to
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.groups import ChannelGroup
from fedprune.strategy import Choice, Client, Payload, Server, Strategy, require_shares
from fedprune.types import Arrays, Shapes, Way, layer_of

QUALITY = "validation_score"
"""What goes up in the jump-start beside the weights: float32 of shape (), in [0, 1]."""


@dataclass(frozen=True)
class FedLTN(Strategy):
    """Post-pruning without rewinding, over personal batch norms."""

    keeps_model = True

    statistics: Literal["personal"] = "personal"
    """Running statistics stay with the client as the whole batch norm does; there is no other choice."""
    target: float = 0.9
    """Share of the prunable weights to prune, in [0, 1)."""
    step: float = 0.2
    """Share of what is alive in each layer that one step prunes."""
    gate: float = 0.5
    """Prune only when the trained model is more accurate than this."""
    jump_start: bool = True
    """Whether the first round only looks for the model that all others start from."""

    def __post_init__(self) -> None:
        require_shares(self, "target", "step", "gate")

    def refuses(self, section: Choice) -> str | None:
        if section == "server_optimizer" or not self.jump_start:
            return None
        return "its jump-start takes over one client's model as it is; set jump_start = false"

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        norms = {layer_of(name) for name in statistics}
        shared = {name: shape for name, shape in shapes.items() if layer_of(name) not in norms}
        return {**shared, QUALITY: ()} if self.jump_start else shared

    def part(self, travelling: Shapes, way: Way, round: int) -> Shapes:
        if way == "up" and self._starts(round):
            return travelling
        return {name: shape for name, shape in travelling.items() if name != QUALITY}

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def after_training(self, client: Client) -> None:
        shapes = {name: client.weights[name].shape for name in client.prunable}
        mask = client.mask.with_dense(shapes)
        pruned = prune_to(
            magnitude.prune, client.weights, mask, self.step, self.target, client.prunable, mask.size
        )
        starts = self._starts(client.round)
        if not starts and pruned == mask:
            return
        quality = client.gate(client.weights, client.mask)
        if starts:
            client.scratch[QUALITY] = np.array(quality, np.float32)
        elif quality > self.gate:
            client.mask, client.weights = pruned, pruned.apply(client.weights)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        arrays = {**client.weights, **client.scratch}
        # Both sides know a mask that did not change.
        mask = None if client.mask == client.shared else client.mask
        return Payload({name: arrays[name] for name in travelling}, mask)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        if self._starts(server.round):
            best = max(updates, key=lambda update: float(update.arrays[QUALITY]))
            return {name: best.arrays.get(name, value) for name, value in server.weights.items()}
        return server.combine(updates)

    def _starts(self, round: int) -> bool:
        return self.jump_start and round == 1
