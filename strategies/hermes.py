"""Hermes: clients prune to personal channels; only what every participant kept is averaged.

Li, Sun, Li, Pu, Li, Chen: Hermes: An Efficient Federated Learning Framework for Heterogeneous Mobile Clients,
MobiCom 2021, https://doi.org/10.1145/3447993.3483278. Written from the paper's abstract and summary; no code
of the authors was found. Others' (github.com/TL-System/plato, ``examples/personalized_fl/hermes``) has the
same gate of 0.5 and the same strict intersection, but prunes before training, by the received model's
accuracy on test data and by L1 norms of filters. Departures, and what could not be checked:

- ``step``, ``gate`` and the rule of the gate are those of LotteryFL, by the same group, and ``target`` is a
  choice; none of them is verified against the paper. The gate reads the client's validation (or, without any,
  training) data.
- Channels are pruned after training, without rewinding, and without a regularizer that drives channels to
  zero.
- All removable channels count, units of hidden linear layers too: lowest norm's scale first, or lowest L2
  norm where no norm follows. A channel goes with all that belongs to it (bias, norm, next layers' columns).
- ``target`` is a share of weights. A step that would overshoot it takes fewer channels, layer after layer.
- What comes down is what the last round averaged and the client kept. A client sampled now and then therefore
  misses averages of rounds in between on channels that one of the last round's participants had dropped. A
  newcomer receives the server's whole model, with the last average known of each coordinate.
- Participants count alike, whatever their number of samples; in Plato's code they count by it, and a client
  gets back what its own last round averaged, not what the newest one did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.channels import prune_channels_to
from fedprune.pruning.criteria import batch_norm, filter_l2
from fedprune.pruning.groups import ChannelGroup, alive_channels
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of
from fedprune.strategy import Choice, Client, Payload, Removed, Server, Strategy, require_shares, under_mask
from fedprune.types import Arrays, Shapes


@dataclass(frozen=True)
class Hermes(Strategy):
    """Structured personal subnetworks that overlap in what is averaged."""

    keeps_model = True

    target: float = 0.5
    """Share of the prunable weights to prune, in [0, 1); channels stop short of it rather than overshoot."""
    step: float = 0.2
    """Share of a layer's living channels that one step prunes, but one at least."""
    gate: float = 0.5
    """Prune only when the trained model is more accurate than this."""

    def __post_init__(self) -> None:
        require_shares(self, "target", "step", "gate")

    @property
    def removes(self) -> Removed | None:
        return "any"

    def refuses(self, section: Choice) -> str | None:
        if section == "buffered":
            return "what it averages is held by all clients of one round, which start from one model"
        if section != "update":
            return None
        return "clients send weights of their own, for which nothing came down to take an update from"

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*prunable, *(name for group in groups for name, _, _ in group.members)]))

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        # Nothing but the intersection is in memory, and a newcomer's mask is empty: it takes all there is.
        averaged = Mask({name: kept & server.memory[name] for name, kept in mask.items()})
        arrays = {name: server.weights[name] for name in travelling}
        return Payload(arrays, None if averaged == mask else averaged)

    def receive(self, client: Client, arrays: Arrays) -> None:
        for name, came in arrays.items():
            averaged = client.shared.get(name, np.True_)
            client.weights[name] = np.where(averaged, came, client.weights[name])

    def after_training(self, client: Client) -> None:
        mask = self._prune(client)
        if mask != client.mask and client.gate(client.weights, client.mask) > self.gate:
            client.mask, client.weights = mask, mask.apply(client.weights)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return under_mask(self, client, travelling)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        for name in updates[0].mask:
            server.memory[name] = np.logical_and.reduce([update.mask[name] for update in updates])
        return server.combine(updates, over="all")

    def _prune(self, client: Client) -> Mask:
        """One step in each group of channels, or as much of it as the target allows."""
        shapes = {name: value.shape for name, value in client.weights.items()}
        mask = client.mask
        for group in client.groups:
            alive = int(np.count_nonzero(alive_channels(group, mask)))
            step = range(max(1, share_of(self.step, alive)), 0, -1)
            amounts = [(group.size - alive + more) / group.size for more in step]
            score = batch_norm.score if group.norms else filter_l2.score
            mask = prune_channels_to(
                client.weights, mask, (group,), shapes, amounts, score, self.target, client.prunable
            )
        return mask
