"""FedAdam: the server steps by the combined change over the square root of its squares' moving average.

Reddi, Charles, Zaheer, Garrett, Rush, Konecny, Kumar, McMahan: Adaptive Federated Optimization, ICLR 2021,
https://arxiv.org/abs/2003.00295 (Algorithm 2, FedAdam). Its learning rate and tau are to be tuned together.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.server_optimizers._adaptive import Adaptive
from fedprune.types import Array


@dataclass(frozen=True)
class Adam(Adaptive):
    """v = beta2 v + (1 - beta2) change^2."""

    def second(self, before: Array, squared: Array) -> Array:
        return self.beta2 * before + (1 - self.beta2) * squared
