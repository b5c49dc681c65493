"""Iterative pruning: clients prune by any criterion, scope, granularity and schedule; holders are averaged.

A harness rather than one paper's method: the place to compare criteria in one and the same federation. With
the defaults it is iterative magnitude pruning (Han, Pool, Tran, Dally: Learning both Weights and Connections,
NIPS 2015, https://arxiv.org/abs/1506.02626) on every client, averaged as in Sub-FedAvg (Vahidian, Morafah,
Lin; 2021, https://arxiv.org/abs/2105.00562). Criteria and schedules name their sources in their own files.
Departures:

- Weights are not rewound; the next participation trains on from what the server made of them.
- Importance is scored on the client's own training data after local training, whatever the criterion;
  SNIP's paper scores initial weights.
- The gradual schedule counts rounds of the federation: a client that is not sampled from ``last_round`` on
  stops short of the target.
- A residual block that goes leaves the shift of its last norm behind, which costs no multiply-add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from fedprune.aggregation import Update
from fedprune.plugins import plugin
from fedprune.pruning import schedule
from fedprune.pruning.criteria import Evidence, criterion
from fedprune.pruning.granularity import Granularity, pools, prune_units
from fedprune.pruning.groups import ChannelGroup
from fedprune.strategy import Client, Payload, Server, Strategy, require_shares, under_mask
from fedprune.types import Arrays, Shapes, UserError

STEPS = "pruning steps"


@dataclass(frozen=True)
class IterativePruning(Strategy):
    """Prune after local training, by the least important units first."""

    keeps_model = True

    criterion: Annotated[str, plugin("criteria")] = "magnitude"
    """What makes a weight important; ``fedprune list criteria`` names them."""
    scope: Literal["layer", "global"] = "layer"
    """Prune the same share of each layer, or the least important of all layers together."""
    granularity: Literal["weight", "kernel", "channel"] = "weight"
    """What goes as a whole."""
    target: float = 0.8
    """Share of the units of ``granularity`` to prune in the end, in [0, 1)."""
    layers: float = 0.0
    """Share of the residual blocks that go whole, beside and before the other units; residual nets only."""
    schedule: Literal["one_shot", "iterative", "gradual"] = "iterative"
    """All at once, by ``step`` with each participation, or by the number of the round."""
    step: float = 0.2
    """Share of what is alive that one iterative step prunes, in (0, 1]; as for lottery tickets."""
    first_round: int = 1
    """First round of pruning."""
    last_round: int = 10
    """Round in which the gradual schedule reaches the target."""
    gate: float = 0.0
    """Prune only when what the gate says of the new mask is at least this (for labels, accuracy)."""

    def __post_init__(self) -> None:
        try:
            criterion(self.criterion)
        except UserError as error:
            raise ValueError(f"criterion: {error}") from None
        require_shares(self, "target", "layers")
        if not 0 < self.step <= 1:
            raise ValueError(f"step: must lie in (0, 1], got {self.step}")
        if not 0 <= self.gate <= 1:
            raise ValueError(f"gate: must lie in [0, 1], got {self.gate}")
        if self.first_round < 1:
            raise ValueError(f"first_round: rounds count from 1, got {self.first_round}")
        if self.last_round < self.first_round:
            raise ValueError(
                f"last_round: must not come before first_round = {self.first_round}, got {self.last_round}"
            )

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        kinds = [kind for kind, _ in self._targets()]
        members = [pool.members for kind in kinds for pool in pools(kind, prunable, groups)]
        return tuple(dict.fromkeys([*prunable, *(name for each in members for name in each)]))

    def after_training(self, client: Client) -> None:
        steps = int(client.state.get(STEPS, 0)) + 1
        evidence = Evidence(
            client.prunable,
            client.groups,
            gradient=lambda: client.gradient(client.weights),
            activity=lambda: client.activity(client.weights, client.mask),
            rng=lambda: client.rng("importance"),
        )
        goals = [(kind, self._sparsity(client.round, steps, target)) for kind, target in self._targets()]
        if not any(goal for _, goal in goals):
            return
        importance = criterion(self.criterion)(client.weights, evidence)
        shapes = {name: value.shape for name, value in client.weights.items()}
        mask = client.mask
        for kind, goal in goals:
            units = pools(kind, client.prunable, client.groups)
            mask = prune_units(mask, units, importance, goal, self.scope, shapes)
        weights = mask.apply(client.weights)
        if mask == client.mask or client.gate(weights, mask) >= self.gate:
            client.mask, client.weights = mask, weights
            client.state[STEPS] = np.array(steps, np.int64)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return under_mask(self, client, travelling)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)

    def _targets(self) -> tuple[tuple[Granularity, float], ...]:
        """What goes, in order, and how much of it in the end."""
        blocks: tuple[tuple[Granularity, float], ...] = (("layer", self.layers),) if self.layers else ()
        return (*blocks, (self.granularity, self.target))

    def _sparsity(self, round: int, steps: int, target: float) -> float:
        """What the schedule asks for now."""
        if round < self.first_round:
            return 0.0
        if self.schedule == "one_shot":
            return schedule.one_shot(round, begin=self.first_round, target=target)
        if self.schedule == "iterative":
            return schedule.iterative(steps, step=self.step, target=target)
        return schedule.gradual(round, begin=self.first_round, end=self.last_round, target=target)
