"""FedPM: random weights stay frozen; clients learn which to keep, and send only masks.

Isik, Pase, Gunduz, Weissman, Zorzi: Sparse Random Networks for Communication-Efficient Federated Learning,
ICLR 2023, https://arxiv.org/abs/2209.15328. A weight is kept with probability theta = sigmoid(score); clients
train scores, the server infers theta from their sampled masks (Bayesian aggregation). ``prior`` and ``reset``
are those of the authors' code (github.com/BerivanIsik/sparse-random-networks). Departures, from this code:

- Frozen weights are the signs of the keyed initial weights times sqrt(2 / fan-in), the deviation of a Kaiming
  normal distribution; there times e * sqrt(1 / fan-in).
- Biases are zero; in the published code they are random constants under masks of their own. Norms stay the
  identity; their running statistics are averaged, or kept (``statistics``), and alone go up with the mask.
- All theta begin at 0.5, the prior's mean; there initial scores are normal.
- A drawn mask passes its gradient to theta unchanged (straight through); the published code multiplies it by
  theta, so that a weight unlikely to be kept hardly learns to be.
- Scores are trained by the scenario's SGD at ``lr_scale`` times its rate; the published code has Adam at 0.1.
- The global model, and a client's before training, keep what has theta of at least 0.5; the published code
  also tests networks that are drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.pruning.random_networks import drawn, frozen, likely
from fedprune.strategy import Choice, Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes, Way

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel
    from fedprune.compute.request import Loss

SOFTENED = 0.01
"""What a bit of 0 counts as, and a bit of 1 as the rest (as published): theta is never stuck at 0 or 1."""


@dataclass(frozen=True)
class FedPM(Strategy):
    """Algorithms 1 and 2; arrays named as weights hold theta where they travel and on the server."""

    prior: float = 1.0
    """Both counts of the Beta prior (lambda_0), at least 1."""
    reset: int = 1
    """Rounds until the server forgets what masks it has counted."""
    lr_scale: float = 10_000.0
    """Scores are trained at this times the scenario's learning rate; ours, since the paper has no SGD."""

    def __post_init__(self) -> None:
        if self.prior < 1 or self.reset < 1:
            name = "prior" if self.prior < 1 else "reset"
            raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")
        if self.lr_scale <= 0:
            raise ValueError(f"lr_scale: must be greater than 0, got {self.lr_scale}")

    def refuses(self, section: Choice) -> str | None:
        return "clients send masks, which the server counts by its own rule"

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        every = super().travels(shapes, statistics)
        return {name: shape for name, shape in every.items() if len(shape) > 1 or name in statistics}

    def part(self, travelling: Shapes, way: Way, round: int) -> Shapes:
        return {name: shape for name, shape in travelling.items() if way == "down" or len(shape) == 1}

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        return prunable

    def begin(self, server: Server) -> Arrays:
        return server.initial | {name: np.full_like(server.initial[name], 0.5) for name in server.prunable}

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        everything = Mask.ones({name: server.weights[name].shape for name in server.prunable})
        return Payload({name: server.weights[name] for name in travelling}, everything)

    def receive(self, client: Client, arrays: Arrays) -> None:
        theta = {name: arrays[name].clip(SOFTENED, 1 - SOFTENED) for name in client.prunable}
        client.scratch["theta"] = theta
        client.weights.update(arrays)
        _deploy(client, likely(theta))

    def train(self, client: Client) -> None:
        """Scores by straight-through gradients, then one mask drawn from what they became."""
        scale = np.float32(self.lr_scale**0.5)
        whole = {**client.weights, **frozen(client.initial, client.prunable)}
        # A score is ``scale`` times what SGD moves, which makes its rate scale ** 2 times SGD's.
        scores = {f"{name}.score": np.log(p / (1 - p)) / scale for name, p in client.scratch["theta"].items()}
        trained = client.fit({**whole, **scores}, Mask(), loss=_loss(client, whole, scale))
        # The logistic function, in a form that cannot overflow.
        theta = {
            name: 0.5 + 0.5 * np.tanh(trained.pop(f"{name}.score") * scale / 2) for name in client.prunable
        }
        client.weights = trained
        _deploy(client, drawn(theta, client.rng("mask")))

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return Payload({name: client.weights[name] for name in travelling}, client.mask)

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        """Theta is the mode of the Beta posterior, given the masks since the last reset."""
        weights = server.combine(updates, weighted=True)
        fresh = (server.round - 1) % self.reset == 0
        seen = len(updates) + (0.0 if fresh else float(server.memory["masks"][0]))
        for name in server.prunable:
            ones = np.zeros(weights[name].shape) if fresh else server.memory[name].astype(np.float64)
            for update in updates:
                ones += np.where(update.mask[name], 1 - SOFTENED, SOFTENED)
            mode = (self.prior - 1 + ones) / (2 * self.prior - 2 + seen)
            weights[name] = mode.astype(np.float32)
            server.memory[name] = ones.astype(np.float32)
        server.memory["masks"] = np.array([seen], np.float32)
        return weights

    def global_model(self, server: Server) -> Arrays:
        theta = {name: server.weights[name] for name in server.prunable}
        fixed = frozen(server.initial, server.prunable)
        return {**server.weights, **likely(theta).apply(fixed)}


def _deploy(client: Client, mask: Mask) -> None:
    """Make ``client.weights`` the network that ``mask`` cuts out of the frozen weights."""
    client.mask = mask
    client.weights = mask.apply({**client.weights, **frozen(client.initial, client.prunable)})


def _loss(client: Client, fixed: Arrays, scale: np.float32) -> Loss:
    """The task's loss of the network that a new mask, drawn for each batch, cuts out of ``fixed``."""
    import torch
    from torch.func import functional_call

    source = torch.Generator().manual_seed(int(client.rng("masks in training").integers(2**63)))
    constants = {name: torch.from_numpy(value) for name, value in fixed.items()}

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        weights = {name: constants[name] for name, _ in model.module.named_parameters()}
        for name in client.prunable:
            theta = torch.sigmoid(model.extra[f"{name}.score"] * float(scale))
            kept = (torch.rand(theta.shape, generator=source) < theta.detach()).float()
            # Straight through: the mask's value, theta's gradient.
            weights[name] = weights[name] * (kept + (theta - theta.detach()))
        return model.loss(functional_call(model.module, weights, (x,)), y)

    return loss
