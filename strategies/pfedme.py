"""pFedMe: personal models are found near the global one, batch by batch, and the global one follows them.

Dinh, Tran, Nguyen: Personalized Federated Learning with Moreau Envelopes, NeurIPS 2020,
https://arxiv.org/abs/2006.08848. Read against the authors' code (github.com/CharlieDinh/pFedMe,
``users/userpFedMe.py``, ``optimizers/fedoptimizer.py``). For each batch the personal model theta takes
``steps`` steps down the loss and lambda/2 ||theta - w||^2; then w moves by its rate along lambda (w - theta).
Departures:

- theta and w step as the scenario says, with one rate, schedule and momentum; there by plain gradients with
  two rates, which are equal (0.01) in the authors' command for CIFAR-10.
- A round has the scenario's epochs; there ``local_epochs`` counts batches.
- The server takes the mean as it is (the paper's beta of 1, as in that command); a larger step is a server
  optimizer's business.
- w has the batch-norm statistics that theta gathers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedprune.strategy import Client, Payload, Strategy
from fedprune.types import Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.loop import Loop
    from fedprune.compute.model import LocalModel
    from fedprune.compute.request import Loss


@dataclass(frozen=True)
class PFedMe(Strategy):
    """Algorithm 1 of the paper: theta is kept and tested, w travels. A round is ``steps`` times the work."""

    keeps_model = True

    pull: float = 15.0
    """The paper's lambda: how near personal models stay to the global one."""
    steps: int = 5
    """The paper's K: steps of the personal model on each batch."""

    def __post_init__(self) -> None:
        if self.pull <= 0:
            raise ValueError(f"pull: must be greater than 0, got {self.pull}")
        if self.steps < 1:
            raise ValueError(f"steps: must be at least 1, got {self.steps}")

    def train(self, client: Client) -> None:
        personal = client.peer({}, client.weights, steps=self.steps)
        personal.model.module.train()
        trained = client.fit(client.weights, client.mask, loss=_loss(personal, self.pull, self.steps))
        client.weights = personal.model.weights()
        followed = {name: trained[name] for name in personal.model.parameters}
        client.scratch["global"] = {**client.weights, **followed}

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return Payload({name: client.scratch["global"][name] for name in travelling})


def _loss(personal: Loop, pull: float, steps: int) -> Loss:
    """A loss of theta's value whose gradient moves w towards the theta that this batch gives."""
    import torch

    def distance(ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        apart = [(value - theirs[name].detach()).square().sum() for name, value in ours.items()]
        return pull / 2 * torch.stack(apart).sum()

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        for _ in range(steps):
            task = model.loss(personal.model.module(x), y)
            personal.descend(task + distance(personal.model.parameters, model.parameters))
        behind = distance(model.parameters, personal.model.parameters)
        return task.detach() + (behind - behind.detach())

    return loss
