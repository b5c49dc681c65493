"""FedProx: FedAvg whose local training is pulled towards the received model.

Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith: Federated Optimization in Heterogeneous Networks, MLSys 2020,
https://arxiv.org/abs/1812.06127. Read against the authors' code (github.com/litian96/FedProx, ``fedprox.py``
and ``pgd.py``). Departures:

- No stragglers: every client trains for all its epochs. The paper's other half, accepting partial work of
  slow clients (gamma-inexact solutions), is not here.
- Clients are sampled uniformly and averaged by sample counts, as in FedAvg here and in the published code;
  the paper samples by sample counts and averages plainly.
- The scenario's optimizer, which may have momentum; the published one is plain gradient descent.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.compute.proximal import Proximal
from fedprune.strategy import Client, Strategy


@dataclass(frozen=True)
class FedProx(Strategy):
    """Algorithm 2 of the paper without partial work."""

    mu: float = 0.01
    """Strength of the proximal term mu/2 ||w - received||^2; 0 is FedAvg. To be tuned: the paper's grid is
    0.001, 0.01, 0.1, 1 and its authors name no default."""

    def __post_init__(self) -> None:
        if self.mu < 0:
            raise ValueError(f"mu: must be at least 0, got {self.mu}")

    def train(self, client: Client) -> None:
        pull = Proximal(self.mu, client.weights)
        client.weights = client.fit(client.weights, client.mask, proximal=pull)
