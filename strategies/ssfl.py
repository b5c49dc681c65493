"""SSFL: saliencies of many clients at the initial weights give one shared mask; then FedAvg under it.

Ohib, Thapaliya, Dziugaite, Liu, Calhoun, Plis: SSFL: Discovering Sparse Unified Subnetworks at Initialization
for Efficient Federated Learning, TMLR, https://arxiv.org/abs/2405.09037. Read against the authors' README
(github.com/riohib/SSFL, which held no code) and the code of its predecessor (github.com/riohib/SalientGrads,
``sailentgrads_api.py`` and ``snip.py``). As in both, a score is |gradient times weight| of one batch and the
largest of all layers together are kept; as in the README, clients count by their number of samples, where the
predecessor's scripts count all alike. Departures:

- Only the clients sampled in the first ``phase`` rounds score, once in each they are sampled in; there all
  clients do. Those rounds count as rounds: nothing goes down (initial weights are keyed), saliencies go up.
- Exactly the asked number of weights is kept, ties by layer and index; there all that tie with the last.
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
from fedprune.types import Arrays, Shapes, Way

SALIENCY = "saliency:"
"""Begins the names of saliencies, so that they are no weights."""


@dataclass(frozen=True)
class SSFL(Strategy):
    """A shared mask, fixed. No client keeps a model: it deploys the shared one, trained under the mask."""

    density: float = 0.5
    """Kept share of the prunable weights of all layers together, in (0, 1]; the published runs' main one."""
    phase: int = 1
    """Rounds in which sampled clients score weights and nothing is trained."""

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density: must lie in (0, 1], got {self.density}")
        if self.phase < 1:
            raise ValueError(f"phase: must be at least 1, got {self.phase}")

    def refuses(self, section: Choice) -> str | None:
        if section in ("update", "buffered"):
            return "its first rounds send saliencies, which are no updates"
        return None

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        scored = {
            SALIENCY + name: shape
            for name, shape in shapes.items()
            if len(shape) > 1 and name not in statistics
        }
        return {**super().travels(shapes, statistics), **scored}

    def part(self, travelling: Shapes, way: Way, round: int) -> Shapes:
        scoring = round <= self.phase
        return {
            name: shape
            for name, shape in travelling.items()
            if name.startswith(SALIENCY) == scoring and not (scoring and way == "down")
        }

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        ours = Mask(server.memory) if server.round > self.phase else Mask()
        return Payload({name: server.weights[name] for name in travelling}, None if ours == mask else ours)

    def train(self, client: Client) -> None:
        if client.round > self.phase:
            super().train(client)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        if client.round > self.phase:
            return super().upload(client, travelling)
        gradient = client.gradient(client.initial, batches=1)
        saliency = {name: np.abs(gradient[name] * client.initial[name]) for name in gradient}
        return Payload({name: saliency[name.removeprefix(SALIENCY)] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        if server.round > self.phase:
            return super().aggregate(server, updates)
        sums: Arrays = {}
        for name in server.prunable:
            # The sum over clients orders weights as their mean does.
            sums[name] = server.memory.get(name, np.zeros(server.weights[name].shape))
            for update in updates:
                sums[name] = sums[name] + update.samples * update.arrays[SALIENCY + name].astype(np.float64)
        if server.round < self.phase:
            server.memory = sums
        else:
            server.memory = dict(magnitude.prune_global(sums, Mask(), 1 - self.density, server.prunable))
        return server.weights

    def global_model(self, server: Server) -> Arrays:
        return Mask(server.memory).apply(server.weights)
