"""FIARSE: each client trains the largest weights of the global model, as many as its machine can take.

Wu, Wang, Zhang, Wang, Jiang, Zhang, He: FIARSE: Model-Heterogeneous Federated Learning via Importance-Aware
Submodel Extraction, NeurIPS 2024, https://arxiv.org/abs/2407.19389. Read against the authors' code
(github.com/HarliWu/FIARSE, ``fiarse/server.py``, ``worker.py``, ``model/model_utils.py``). A weight's size is
its importance: a submodel is what lies above a threshold, and weights learn through the threshold as well.
Departures:

- Client i has ``densities[i]``, counted round and round; there the first clients have the first density.
- Biases are whole in every submodel; there they compete with the weights.
- The mean is over the clients that hold a weight; there over those in which it moved, which is the same but
  for weights that fall under the threshold in training, or whose gradient is zero.
- Steps are the scenario's; there 100 plain steps a round at a rate of 0.1 and batches of 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel
    from fedprune.compute.request import Loss


@dataclass(frozen=True)
class FIARSE(Strategy):
    """Algorithm 1 of the paper. No client keeps a model: it uses the submodel that it received, trained."""

    densities: tuple[float, ...] = (1.0, 0.25, 0.0625, 0.015625)
    """Kept shares of the prunable weights, in (0, 1], that the clients have by turns."""

    def __post_init__(self) -> None:
        if not self.densities or not all(0 < density <= 1 for density in self.densities):
            raise ValueError(f"densities: must be some, each in (0, 1], got {list(self.densities)}")

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        sparsity = 1 - self.densities[server.recipient % len(self.densities)]
        ours = magnitude.prune_global(server.weights, Mask(), sparsity, server.prunable)
        return Payload({name: server.weights[name] for name in travelling}, None if ours == mask else ours)

    def train(self, client: Client) -> None:
        kept = [client.weights[name][client.mask[name]] for name in client.prunable]
        threshold = min((float(np.abs(part).min()) for part in kept if part.size), default=0.0)
        loss = _loss(client.prunable, threshold)
        trained = client.scratch["trained"] = client.fit(client.weights, client.mask, loss=loss)
        # What has fallen under the threshold has left the client's network, and goes up all the same.
        above = {name: np.abs(trained[name]) >= np.float32(threshold) for name in client.prunable}
        client.weights = Mask(above).apply(trained)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return Payload({name: client.scratch["trained"][name] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        return server.combine(updates)


def _loss(prunable: Sequence[str], threshold: float) -> Loss:
    """The task's loss of the weights above the threshold.

    The step at the threshold has the derivative that the published code gives it, 2 threshold / (|w| +
    threshold)^2 above and 0 below: a weight near the threshold learns up to half as fast again.
    """
    from torch.func import functional_call

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        parts = {}
        for name in prunable:
            weight = model.parameters[name]
            size = weight.detach().abs()
            above = (size >= threshold).float()
            # Of w * step(|w|): one for w itself, and |w| times the step's derivative.
            slope = above * (1 + 2 * threshold * size / (size + threshold).square().clamp_min(1e-30))
            parts[name] = weight.detach() * above + slope * (weight - weight.detach())
        return model.loss(functional_call(model.module, parts, (x,)), y)

    return loss
