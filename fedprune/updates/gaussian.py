"""Gaussian, an attack: a client sends noise in the place of what it learned.

Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine Tolerant Gradient
Descent, NeurIPS 2017, https://arxiv.org/abs/1703.02757 (in its experiments). Departure: there its
deviation is 200, which every run here refuses as an explosion; here it is a multiple of the update itself,
array by array. (``gaussian_noise`` is the privacy of an honest client, and adds noise to a clipped update.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.types import Array
from fedprune.updates import Change
from fedprune.updates._attack import Attack, attacked, held, require_positive, weights_of


@dataclass(frozen=True)
class Gaussian(Attack):
    """Independent noise of ``scale`` times each array's root mean square over what travels of it."""

    scale: float = 5.0
    """Deviation of the noise over the root mean square of the update, above 0."""

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        return attacked(change, {name: self._noise(change, name, rng) for name in weights_of(change)})

    def _noise(self, change: Change, name: str, rng: np.random.Generator) -> Array:
        value, kept = change.arrays[name], held(change, name)
        size = np.sqrt(np.square(value[kept]).mean()) if kept.any() else 0.0
        return rng.normal(0.0, self.scale * size, value.shape)
