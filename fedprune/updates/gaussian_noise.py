"""Gaussian noise on a clipped update: differential privacy of each client as a whole.

McMahan, Ramage, Talwar, Zhang: Learning Differentially Private Recurrent Language Models, ICLR 2018,
https://arxiv.org/abs/1710.06963. Departure: there a trusted server adds the noise to the sum of updates; here
every client adds its own to what it sends, so that the server need not be trusted with updates either.

Noise falls on what travels, and on no pruned coordinate. So it hides the values that a client kept and not
which ones it kept: masks, numbers of samples, losses and gate accuracies go up as they are, and no epsilon
covers them. Where masks are learned from data, epsilon is that of the values alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedprune.updates import Change, Guarantee, Stage


@dataclass(frozen=True)
class GaussianNoise(Stage):
    """Independent noise of deviation ``multiplier`` times the clipping norm on every coordinate."""

    multiplier: float = 1.0
    """Deviation of one client's noise over the norm it is clipped to, above 0."""
    delta: float = 1e-5
    """The delta for which epsilon is reported, in (0, 1); well below one over the number of clients."""

    def __post_init__(self) -> None:
        if self.multiplier <= 0:
            raise ValueError(f"multiplier: must be greater than 0, got {self.multiplier}")
        if not 0 < self.delta < 1:
            raise ValueError(f"delta: must lie in (0, 1), got {self.delta}")

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        if change.bound is None:
            raise ValueError('needs an update of bounded norm: put [[update]] name = "clip" right before it')
        deviation = self.multiplier * change.bound
        noisy = {
            name: value + rng.normal(0.0, deviation, value.shape) for name, value in change.arrays.items()
        }
        return replace(change, arrays=noisy, bound=None)

    def guarantee(self) -> Guarantee:
        return Guarantee(self.multiplier, self.delta)
