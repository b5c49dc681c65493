"""FedPer: the first layers are averaged, the last ones stay personal; both are trained together.

Arivazhagan, Aggarwal, Singh, Choudhary: Federated Learning with Personalization Layers, 2019,
https://arxiv.org/abs/1912.00818. No code of the authors is published; read against the paper's abstract and
against the two implementations that other authors compare with (``alg fedper`` of
github.com/lgcollins/FedRep and ``run_fedper.sh`` of github.com/jhoon-oh/FedBABU). Departures:

- All clients start from the same keyed personal layers. In the paper each client draws its own; both
  implementations copy one.
- Only sampled clients take part in a round; the paper has all of them.
- Batch norm's running statistics in the body are averaged, or kept (``statistics``).
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.strategy import Strategy
from fedprune.strategy.layers import body_and_head
from fedprune.types import Shapes


@dataclass(frozen=True)
class FedPer(Strategy):
    """Algorithms 1 and 2 of the paper: all layers train in each local epoch, and only the body travels."""

    keeps_model = True

    head: int = 1
    """Convolutions and linear layers that stay personal, counted from the end; the first one always
    travels."""

    def __post_init__(self) -> None:
        if self.head < 1:
            raise ValueError(f"head: must be at least 1, got {self.head}")

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        body, _ = body_and_head(shapes, self.head)
        return super().travels(body, statistics)
