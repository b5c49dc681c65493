"""APFL: each client mixes its own model with the global one, and learns by how much.

Deng, Kamani, Mahdavi: Adaptive Personalized Federated Learning, 2020, https://arxiv.org/abs/2003.13461. Read
against the authors' code (github.com/MLOPTPSU/FedTorch, ``comms/trainings/federated/apfl.py`` and
``alpha_update``). The mixture alpha * v + (1 - alpha) * w is trained in v, and alpha moves once a round, in
the first step, as there. Departures:

- alpha follows the paper's gradient, the product of the mixture's gradient with v - w. The code weighs that
  gradient's two halves by alpha and 1 - alpha once more and adds 0.02 alpha.
- alpha is adaptive unless told otherwise; in the code it stands still unless asked for.
- Both models step as the scenario says; batch norm's statistics of the mixture are the client's own.
- Replies are averaged by number of samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.strategy import Client, Payload, Strategy
from fedprune.types import Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.loop import Loop
    from fedprune.compute.model import LocalModel
    from fedprune.compute.request import Loss

ALPHA = "alpha"
"""The mixture's share in a client's state, beside the arrays of v."""


@dataclass(frozen=True)
class APFL(Strategy):
    """Algorithm 1 of the paper: w travels and is FedAvg's, the mixture is kept and tested."""

    keeps_model = True

    alpha: float = 0.5
    """The share of a client's own model in the mixture, at first; in [0, 1]."""
    adaptive: bool = True
    """Whether each client learns its alpha."""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha: must lie in [0, 1], got {self.alpha}")

    def train(self, client: Client) -> None:
        own = {name: value for name, value in client.state.items() if name != ALPHA}
        personal, share = client.peer({}, own), [float(client.state.get(ALPHA, self.alpha))]
        personal.model.module.train()
        loss = _loss(personal, share, adaptive=self.adaptive)
        client.scratch["global"] = client.fit(client.weights, client.mask, loss=loss)
        own = personal.model.weights()
        client.state = {**own, ALPHA: np.array(share[0], np.float32)}
        mixed = {
            name: np.float32(share[0]) * own[name] + np.float32(1 - share[0]) * client.scratch["global"][name]
            for name in personal.model.parameters
        }
        client.weights = {**own, **mixed}

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return Payload({name: client.scratch["global"][name] for name in travelling})


def _loss(personal: Loop, share: list[float], *, adaptive: bool) -> Loss:
    """The task's loss of w, which also moves v by one step, and at first ``share[0]``, which is alpha."""
    import torch
    from torch.func import functional_call

    started = not adaptive

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        nonlocal started
        alpha = torch.tensor(share[0], device=x.device, requires_grad=not started)
        parts = {
            name: alpha * value + (1 - alpha) * model.parameters[name].detach()
            for name, value in personal.model.parameters.items()
        }
        personal.descend(model.loss(functional_call(personal.model.module, parts, (x,)), y))
        if alpha.grad is not None:
            share[0] = float((alpha.detach() - personal.step.lr * alpha.grad).clamp(0, 1))
        started = True
        return model.loss(model.module(x), y)

    return loss
