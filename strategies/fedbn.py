"""FedBN: norms stay with each client, all other layers are averaged.

Li, Jiang, Zhang, Kamp, Dou: FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, ICLR
2021, https://arxiv.org/abs/2102.07623. Made for clients whose features differ, not their labels. Read against
the authors' code (github.com/med-air/FedBN, ``federated/fed_digits.py``, ``communication``). Departures:

- Replies count by number of samples; there all clients count alike, and have equal numbers.
- Only sampled clients take part in a round; there all of them do, so none meets a new body with norms of long
  ago.
- Group and layer norms stay personal as well; the paper has batch norms alone. Without any norm in the model
  this is FedAvg whose clients keep their last models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fedprune.strategy import Strategy
from fedprune.types import Shapes, layer_of


@dataclass(frozen=True)
class FedBN(Strategy):
    """Algorithm 1 of the paper: a norm's scale, shift and running statistics never travel."""

    keeps_model = True

    statistics: Literal["personal"] = "personal"
    """Running statistics stay with the client as the whole norm does; there is no other choice."""

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        # Every other layer's weight has more axes than one.
        scales = {name for name, shape in shapes.items() if name.endswith(".weight") and len(shape) == 1}
        norms = {layer_of(name) for name in scales | statistics}
        return {name: shape for name, shape in shapes.items() if layer_of(name) not in norms}
