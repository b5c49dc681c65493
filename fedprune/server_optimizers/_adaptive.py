"""What FedAdam and FedYogi share: Algorithm 2 of Reddi et al. but for its second moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.server_optimizers import ServerOptimizer
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class Adaptive(ServerOptimizer):
    """m = beta1 m + (1 - beta1) change, then w + lr m / (sqrt(v) + tau), with change = combined - w.

    There is no bias correction, as in the paper; v begins at tau squared, the least that the paper allows.
    """

    lr: float = 0.01
    """The server's learning rate, above 0; to be tuned: the paper's best ones lie between 0.001 and 1."""
    beta1: float = 0.9
    """Share of the first moment that is kept in each round, in [0, 1)."""
    beta2: float = 0.99
    """Share of the second moment that is kept in each round, in [0, 1)."""
    tau: float = 0.001
    """Degree of adaptivity, above 0: the smaller, the less the size of a change matters."""

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: must lie in [0, 1), got {getattr(self, name)}")
        for name in ("lr", "tau"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be greater than 0, got {getattr(self, name)}")

    def begin(self, old: Array) -> Arrays:
        return {"first": np.zeros_like(old), "second": np.full_like(old, self.tau**2)}

    def step(self, old: Array, combined: Array, moments: Arrays) -> tuple[Array, Arrays]:
        change = combined - old
        first = self.beta1 * moments["first"].astype(np.float64) + (1 - self.beta1) * change
        second = self.second(moments["second"].astype(np.float64), change * change)
        return old + self.lr * first / (np.sqrt(second) + self.tau), {"first": first, "second": second}

    def second(self, before: Array, squared: Array) -> Array:
        """The second moment after this round, from that before it and the change's square, all float64."""
        raise NotImplementedError
