"""Ditto: FedAvg's global model, and beside it a personal one that is pulled towards it.

Li, Hu, Beirami, Smith: Ditto: Fair and Robust Federated Learning Through Personalization, ICML 2021,
https://arxiv.org/abs/2012.04221. Read against the authors' code (github.com/litian96/ditto, ``ditto.py`` and
``fedbase.py`` of ``trainers_MTL``). Departures:

- ``pull`` is one number for all clients; the paper lets a client with enough validation data choose its own
  from a grid.
- A client's personal model starts, at its first participation, from the global model that it receives; the
  published code starts it from the initial weights.
- The two models see the same samples in orders of their own, for the scenario's epochs and with its
  optimizer; the published code gives both the same batches, a fixed number of plain gradient steps.
- Replies are averaged by sample counts and clients sampled uniformly; the published code averages plainly and
  samples by sample counts or, by an option, uniformly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.compute.proximal import Proximal
from fedprune.strategy import Client, Payload, Strategy
from fedprune.types import Arrays, Shapes


@dataclass(frozen=True)
class Ditto(Strategy):
    """Algorithm 1 of the paper: the personal model is kept and tested, the global one travels."""

    keeps_model = True

    pull: float = 1.0
    """The paper's lambda, of the term lambda/2 ||v - received||^2: 0 is local training, large is FedAvg."""

    def __post_init__(self) -> None:
        if self.pull < 0:
            raise ValueError(f"pull: must be at least 0, got {self.pull}")

    def receive(self, client: Client, arrays: Arrays) -> None:
        kept = dict(client.weights)
        super().receive(client, arrays)
        client.scratch["personal"] = kept if "begun" in client.state else client.weights

    def train(self, client: Client) -> None:
        received = client.weights
        client.scratch["global"] = client.fit(received, client.mask)
        pull = Proximal(self.pull, received)
        client.weights = client.fit(client.scratch["personal"], client.mask, proximal=pull)
        client.state["begun"] = np.ones(1, bool)

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        return Payload({name: client.scratch["global"][name] for name in travelling})
