"""LG-FedAvg: lower layers stay personal, the upper ones are averaged.

Liang, Liu, Ziyin, Allen, Auerbach, Brent, Salakhutdinov, Morency: Think Locally, Act Globally: Federated
Learning with Local and Global Representations, 2020, https://arxiv.org/abs/2001.01523. Read against the
authors' code (github.com/pliang279/LG-FedAvg, ``main_lg.py`` and ``Nets.py``). Departures:

- All clients start from the initial weights; the published code starts from a model that FedAvg has trained.
- A client is tested with its own last model. The published code puts the newest upper layers on each client's
  lower ones (here: the accuracy as received), keeps of each client the model that was best on its test data,
  averages the upper layers of these, and reports the round that is best on test data again.
- The layers that travel are the last ones of the network. The published code's list of layers for CIFAR-10
  ends in the two convolutions, so that there it is the lower layers that travel.
- Averaged by sample counts; the published code averages plainly. The adversarial term of the paper's
  experiment on fair representations is not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.strategy import Strategy
from fedprune.types import Shapes, layer_of


@dataclass(frozen=True)
class LGFedAvg(Strategy):
    """Algorithm 1 of the paper, with the network's own layers as local and global model."""

    keeps_model = True

    layers: int = 2
    """Convolutions and linear layers that travel, counted from the end, in the order of the model's state; a
    norm goes with the layer before it."""

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError(f"layers: must be at least 1, got {self.layers}")

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        # Norms and biases have one axis: an array with more is the weight of a layer.
        weights = [layer_of(name) for name, shape in shapes.items() if len(shape) > 1]
        first = weights[-self.layers :][0]
        names = list(shapes)
        start = next(at for at, name in enumerate(names) if layer_of(name) == first)
        upper = {name: shapes[name] for name in names[start:]}
        return super().travels(upper, statistics)
