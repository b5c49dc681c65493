"""SCAFFOLD: control variates, one on the server and one at each client, take client drift out of each step.

Karimireddy, Kale, Mohri, Reddi, Stich, Suresh: SCAFFOLD: Stochastic Controlled Averaging for Federated
Learning, ICML 2020, https://arxiv.org/abs/1910.06378. No code of the authors is published; read against the
paper's Algorithm 1 and two implementations (``train_net_scaffold`` of github.com/Xtra-Computing/NIID-Bench,
``scaffold.py`` of github.com/MLOPTPSU/FedTorch). Departures:

- A client's new control variate is the mean gradient of its local steps. That is what option II,
  c_i - c + (x - y_i) / (K lr), comes to under plain SGD; under momentum or another optimizer that formula is
  off by the optimizer's own factor, as in both implementations.
- Steps are the scenario's: momentum, decay and regularizers act on the corrected gradient.
- A reply carries c + (its change of c_i), of which c came with the order, so that codecs and ``[[update]]``
  stages see a change like that of a weight. Both ways carry twice FedAvg's bytes.
- The server's step is 1, as the paper takes it; another is a server optimizer's business. Replies count
  alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.aggregation import Update
from fedprune.pruning.mask import Mask
from fedprune.strategy import Choice, Client, Payload, Server, Strategy
from fedprune.types import Arrays, Shapes

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel

CONTROL = "control:"
"""Begins the names of control variates, so that they are no weights."""


@dataclass(frozen=True)
class Scaffold(Strategy):
    """Algorithm 1 of the paper, with option II. No client keeps a model, only its control variate."""

    def refuses(self, section: Choice) -> str | None:
        if section == "buffered":
            return "its control variates correct steps from one common model"
        if section != "aggregate":
            return None
        return "control variates must be averaged as weights are, and a mean is what they are made for"

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        controls = {CONTROL + name: shape for name, shape in shapes.items() if name not in statistics}
        return {**super().travels(shapes, statistics), **controls}

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        known = {**server.weights, **server.memory}
        zeros = (np.zeros(shape, np.float32) for shape in travelling.values())
        return Payload({name: known.get(name, zero) for name, zero in zip(travelling, zeros, strict=True)})

    def receive(self, client: Client, arrays: Arrays) -> None:
        client.scratch.update({name: value for name, value in arrays.items() if name.startswith(CONTROL)})
        client.weights.update({name: value for name, value in arrays.items() if not name.startswith(CONTROL)})

    def train(self, client: Client) -> None:
        ours = {name: client.state.get(name, np.zeros_like(came)) for name, came in client.scratch.items()}
        gradients = _Gradients({name: client.scratch[name] - value for name, value in ours.items()})
        client.weights = client.fit(client.weights, client.mask, loss=gradients.loss)
        client.state = gradients.mean()
        client.scratch.update(
            {name: client.scratch[name] + client.state[name] - value for name, value in ours.items()}
        )

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        known = {**client.weights, **client.scratch}
        return Payload({name: known[name] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        """The mean of the weights; c moves by the mean change of the c_i, as if the others had not moved."""
        share = len(updates) / server.clients
        for name in updates[0].arrays:
            if name.startswith(CONTROL):
                mean = np.mean([update.arrays[name] for update in updates], axis=0, dtype=np.float64)
                before = server.memory.get(name, np.zeros_like(mean))
                server.memory[name] = (before + share * (mean - before)).astype(np.float32)
        return server.combine(updates)


class _Gradients:
    """A loss whose gradient is the task's plus a constant, and the mean of the task's over all steps."""

    def __init__(self, corrections: Arrays) -> None:
        self._corrections, self._steps = corrections, 0
        self._sums: dict[str, torch.Tensor] = {}
        self._added: dict[str, torch.Tensor] = {}

    def loss(self, model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        import torch

        if not self._steps:
            for name, parameter in model.parameters.items():
                added = torch.from_numpy(self._corrections[CONTROL + name]).to(x.device)
                self._sums[name], self._added[name] = torch.zeros_like(added), added
                parameter.register_hook(self._summing(name))  # type: ignore[no-untyped-call]
        self._steps += 1
        parts = [(self._added[name] * value).sum() for name, value in model.parameters.items()]
        linear = torch.stack(parts).sum()
        task = model.loss(model.module(x), y)
        # The correction adds to the gradient, and nothing to the loss that is reported.
        return task + (linear - linear.detach())

    def _summing(self, name: str) -> Callable[[torch.Tensor], None]:
        def hook(gradient: torch.Tensor) -> None:
            self._sums[name] += gradient

        return hook

    def mean(self) -> Arrays:
        """The task's mean gradient, by the names of control variates."""
        return {
            CONTROL + name: (total / self._steps - self._added[name]).cpu().numpy()
            for name, total in self._sums.items()
        }
