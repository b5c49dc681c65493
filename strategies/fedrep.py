"""FedRep: a shared body under personal heads; the head is trained first, on a body that stands still.

Collins, Hassani, Mokhtari, Shakkottai: Exploiting Shared Representations for Personalized Federated Learning,
ICML 2021, https://arxiv.org/abs/2102.07078. Read against the authors' code (github.com/lgcollins/FedRep,
``main_fedrep.py``, ``models/Update.py`` and ``scripts/FedRep_cifar10_2shards.sh``). Departures:

- A round's epochs are the scenario's, of which the last ``body_epochs`` are the body's. The authors give the
  head ten epochs of its own before the body's one.
- Momenta start afresh when the body's turn comes; there one optimizer goes on.
- The last round is each client's evaluation: its head is trained on the final body for the scenario's epochs,
  there for ten.
- Replies count by number of samples; there, on CIFAR-10, clients count alike (and have equal numbers).
- Weight decay is the scenario's, of all that trains; there 0.0001, of weights alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.strategy import Client, Strategy
from fedprune.strategy.layers import body_and_head
from fedprune.types import Shapes


@dataclass(frozen=True)
class FedRep(Strategy):
    """Algorithm 1 of the paper."""

    keeps_model = True

    head: int = 1
    """Convolutions and linear layers that stay personal, counted from the end; the first one always
    travels."""
    body_epochs: int = 1
    """The local epochs, out of a round's, that train the body. The head is trained in the others before them,
    and for one epoch where none is left."""

    def __post_init__(self) -> None:
        for name in ("head", "body_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        body, _ = body_and_head(shapes, self.head)
        return super().travels(body, statistics)

    def train(self, client: Client) -> None:
        shapes = {name: value.shape for name, value in client.weights.items()}
        body, head = body_and_head(shapes, self.head)
        if client.final:
            client.weights = client.fit(client.weights, client.mask, only=head)
            return
        first = max(1, client.epochs - self.body_epochs)
        weights = client.fit(client.weights, client.mask, epochs=first, only=head)
        client.weights = client.fit(weights, client.mask, epochs=self.body_epochs, only=body)
