"""Sub-FedAvg: clients prune to subnetworks of their own; each coordinate is averaged over its holders.

Vahidian, Morafah, Lin: Personalized Federated Learning by Structured and Unstructured Pruning under Data
Heterogeneity, ICDCS Workshops 2021, https://arxiv.org/abs/2105.00562. Defaults are the paper's. Read against
the authors' code (github.com/MMorafah/Sub-FedAvg, ``client_u.py`` and ``client_s.py``). As there, the hybrid
decides on weights of linear layers first and on channels afterwards, each by a gate of its own. Departures:

- The gate reads validation (or, without any, training) data of the client; the published code test data.
- The first candidate mask is taken after the first local epoch and the second after the last, whatever their
  number (there epoch 5); with a single epoch the first is taken before training.
- The last step is cut so that ``target`` is met exactly; channels, chosen after linear layers were pruned,
  stop short of it rather than overshoot. In the published hybrid the target bounds linear layers alone.
- Batch-norm statistics are sent down like weights (``statistics = "averaged"``) or stay with the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fedprune.aggregation import Update
from fedprune.pruning.budget import prune_to
from fedprune.pruning.channels import prune_channels_to
from fedprune.pruning.criteria import batch_norm, filter_l2, magnitude
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask, distance
from fedprune.strategy import Client, Payload, Removed, Server, Strategy, require_shares, under_mask
from fedprune.types import Arrays, Shapes

CHANNELS, WEIGHTS = "channels", "weights"


@dataclass(frozen=True)
class SubFedAvg(Strategy):
    """Algorithms 1 (unstructured) and 2 (hybrid) of the paper."""

    keeps_model = True

    variant: Literal["unstructured", "structured", "hybrid"] = "unstructured"
    """Prune weights everywhere; channels of convolutions; or channels there and weights of linear layers."""
    target: float = 0.5
    """Share of the prunable weights to prune, in [0, 1)."""
    step: float = 0.1
    """Share of what is alive in a layer that one step prunes."""
    distance: float = 1e-4
    """Weights are pruned when the candidates' mean Hamming distance over layers exceeds this."""
    channels: float = 0.45
    """Share of each convolution's channels that go, lowest batch-norm scale (else L2 norm) first."""
    channel_distance: float = 0.01
    """The same threshold as ``distance``, for channels."""
    channel_floor: int = 1
    """Fewest channels left in a layer."""
    channel_multiple: int = 1
    """Channels left in a layer are rounded up to a multiple; 8 costs no time where 8 are computed at once."""
    gate: float = 0.5
    """Prune only when what the gate says of the second candidate exceeds this (for labels, accuracy)."""
    mean: Literal["holders", "weighted_holders", "intersection"] = "holders"
    """Average over holders (the paper), over holders by sample counts, or only where all hold."""

    def __post_init__(self) -> None:
        require_shares(self, "target", "step", "channels", "gate")
        for field in ("channel_floor", "channel_multiple"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field}: must be at least 1, got {getattr(self, field)}")

    @property
    def removes(self) -> Removed | None:
        return None if self.variant == "unstructured" else "conv"

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        if self.variant == "unstructured":
            return prunable
        return tuple(
            dict.fromkeys([*prunable, *(name for group in _conv(groups) for name, _, _ in group.members)])
        )

    def before_training(self, client: Client) -> None:
        if client.epochs == 1:
            client.scratch["first"] = self._candidates(client)

    def after_epoch(self, client: Client, epoch: int) -> None:
        if epoch == 1 and client.epochs > 1:
            client.scratch["first"] = self._candidates(client)

    def after_training(self, client: Client) -> None:
        first, second = client.scratch["first"], self._candidates(client)
        conv = tuple(group.members[0][0] for group in _conv(client.groups))
        parts = ((WEIGHTS, self.distance, self._weights(client)), (CHANNELS, self.channel_distance, conv))
        for part, threshold, names in parts:
            if part not in second or distance(first[part], second[part], names) <= threshold:
                continue
            # Weights may just have gone: how many channels go is decided under the mask as it is now.
            mask = self._prune_weights(client) if part == WEIGHTS else self._prune_channels(client)
            weights = mask.apply(client.weights)
            if mask != client.mask and client.gate(weights, mask) > self.gate:
                client.mask, client.weights = mask, weights

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return under_mask(self, client, travelling)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        if self.mean == "intersection":
            return server.combine(updates, over="all")
        return server.combine(updates, weighted=self.mean == "weighted_holders")

    def _candidates(self, client: Client) -> dict[str, Mask]:
        """What this variant would prune next, from the client's current weights."""
        candidates = {}
        if self.variant != "unstructured":
            candidates[CHANNELS] = self._prune_channels(client)
        if self.variant != "structured":
            candidates[WEIGHTS] = self._prune_weights(client)
        return candidates

    def _prune_weights(self, client: Client) -> Mask:
        """One step, cut short at the target; what channels took counts towards it."""
        shapes = {name: client.weights[name].shape for name in client.prunable}
        names = self._weights(client)
        mask = client.mask.with_dense(shapes)
        elsewhere = Mask({name: mask[name] for name in shapes if name not in names})
        size = sum(mask[name].size for name in names)
        goal = round(self.target * (size + elsewhere.size)) - (elsewhere.size - elsewhere.kept)
        share = min(max(goal, 0), size) / size
        return prune_to(magnitude.prune, client.weights, mask, self.step, share, names, size)

    def _weights(self, client: Client) -> tuple[str, ...]:
        """The parameters pruned weight by weight: of every layer, or in the hybrid of the linear ones."""
        every = self.variant == "unstructured"
        return tuple(name for name in client.prunable if every or client.weights[name].ndim == 2)

    def _prune_channels(self, client: Client) -> Mask:
        """Channels under the quantile, or fewer where all of them would overshoot the target."""
        shapes = {name: value.shape for name, value in client.weights.items()}
        mask = client.mask.with_dense({name: shapes[name] for name in client.prunable})
        groups = _conv(client.groups)
        score = batch_norm.score if all(group.norms for group in groups) else filter_l2.score
        amounts = [self.channels * tenths / 10 for tenths in range(10, 0, -1)]
        least = (self.channel_floor, self.channel_multiple)
        return prune_channels_to(
            client.weights, mask, groups, shapes, amounts, score, self.target, client.prunable, *least
        )


def _conv(groups: tuple[ChannelGroup, ...]) -> tuple[ChannelGroup, ...]:
    return tuple(group for group in groups if group.kind == "conv")
