"""LotteryFL: clients prune by magnitude, rewind what is left to the initial weights, and train that ticket.

Li, Sun, Wang, Duan, Li, Chen, Li: LotteryFL: Empower Edge Intelligence with Personalized and
Communication-Efficient Federated Learning, SEC 2021 (preprint: LotteryFL: Personalized and
Communication-Efficient Federated Learning with Lottery Ticket Hypothesis on Non-IID Datasets),
https://arxiv.org/abs/2008.03371. Read against the authors' code (github.com/charleslipku/LotteryFL). Defaults
are those of its command for MNIST; that for CIFAR-10 differs in ``target``, 0.5. Both train for 60 epochs a
round on 40 images. Departures:

- The accuracy gate reads the client's validation (or, without any, training) data; the published code reads
  test data there.
- The last step is cut so that ``target`` is met exactly; the published code may go past it.
- Weights of convolutions and linear layers are pruned; the published code prunes batch-norm scales too.
- All that is alive goes back to its initial value: weights, biases, norms and their running statistics. In
  the published code statistics stay as received, and training after the first rewind overwrites the stored
  initial biases.
- Nothing is rewound when a step is too small to prune a single weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedprune.aggregation import Update
from fedprune.pruning.budget import prune_to
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.groups import ChannelGroup
from fedprune.strategy import Client, Payload, Server, Strategy, require_shares
from fedprune.types import Arrays, Shapes


@dataclass(frozen=True)
class LotteryFL(Strategy):
    """Algorithm 1 of the paper: download, prune and rewind, train, upload the ticket."""

    keeps_model = True

    target: float = 0.9
    """Share of the prunable weights to prune, in [0, 1); the published command's is 0.5 on CIFAR-10."""
    step: float = 0.2
    """Share of what is alive in each layer that one step prunes."""
    gate: float = 0.2
    """Prune only when the received model, under the client's mask, is more accurate than this."""

    def __post_init__(self) -> None:
        require_shares(self, "target", "step", "gate")

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def before_training(self, client: Client) -> None:
        shapes = {name: client.weights[name].shape for name in client.prunable}
        mask = client.mask.with_dense(shapes)
        pruned = prune_to(
            magnitude.prune, client.weights, mask, self.step, self.target, client.prunable, mask.size
        )
        if pruned != mask and client.gate(client.weights, client.mask) > self.gate:
            client.mask, client.weights = pruned, pruned.apply(client.initial)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        # Both sides know a mask that did not change.
        mask = None if client.mask == client.shared else client.mask
        return Payload({name: client.weights[name] for name in travelling}, mask)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)
