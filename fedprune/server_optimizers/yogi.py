"""FedYogi: FedAdam whose second moment moves by no more than the change's square, and so forgets slowly.

Reddi, Charles, Zaheer, Garrett, Rush, Konecny, Kumar, McMahan: Adaptive Federated Optimization, ICLR 2021,
https://arxiv.org/abs/2003.00295 (Algorithm 2, FedYogi). Its learning rate and tau are to be tuned together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.server_optimizers._adaptive import Adaptive
from fedprune.types import Array


@dataclass(frozen=True)
class Yogi(Adaptive):
    """v = v - (1 - beta2) change^2 sign(v - change^2)."""

    def second(self, before: Array, squared: Array) -> Array:
        direction: Array = np.sign(before - squared)
        return before - (1 - self.beta2) * squared * direction
