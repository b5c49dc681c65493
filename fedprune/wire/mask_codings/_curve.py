"""``Curve``: how probable it is that a coordinate is pruned next, by its magnitude; in integers only.

A magnitude's step is the place of ``magnitude / unit + 1/2`` on a scale with eight steps to an octave, cut at
40 (15.5 units), and read from the bits of the float32; division and addition of float32 are the same on all
machines. The logarithm of the odds is a parabola of the step. A parabola in the logarithm fits Sub-FedAvg's
masks better than one in the magnitude itself, and no worse than free counts for each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.chunks import chunks

STEPS = 41
_HALF = int(np.float32(0.5).view(np.int32)) >> 20
_MIDDLE = 12
"""The step of a magnitude of one unit."""
_MOST_ODDS = 160
"""In sixteenths: odds of 22,000 to 1."""
_PRECISION = 20
_TYPICAL = (0, -32, 0)
_SCALE = np.array([8.0, 4.0, 8.0])
"""A curve's numbers for a log odds, one more an octave, and one more an octave squared."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Steps = NDArray[np.uint8]


@dataclass(frozen=True)
class Curve:
    """Log odds, in sixteenths, ``2 level + slope t / 2 + bend t^2 / 32`` at ``t`` steps beyond one unit."""

    level: int
    slope: int
    bend: int

    def shares(self) -> Floats:
        """Probability of being pruned, by step: exact multiples of 2**-20."""
        t = np.arange(STEPS) - _MIDDLE
        odds = 2 * self.level + (self.slope * t >> 1) + (self.bend * t * t >> 5)
        return _logistic().take(np.clip(odds, -_MOST_ODDS, _MOST_ODDS) + _MOST_ODDS)

    def bits(self, pruned: Integers, sizes: Integers) -> float:
        """The bits that coding takes of ``sizes[i]`` coordinates in step i, ``pruned[i]`` of them pruned."""
        share = self.shares()
        return -float(pruned @ np.log2(share) + (sizes - pruned) @ np.log2(1 - share))


def steps(magnitudes: NDArray[np.float32], unit: np.float32) -> Steps:
    """The step of each magnitude, 0 to 40; ``unit`` is a normal number."""
    found = np.empty(magnitudes.size, np.uint8)
    for part in chunks(magnitudes.size):
        with np.errstate(over="ignore"):
            places = (magnitudes[part] / unit + np.float32(0.5)).view(np.int32) >> 20
        found[part] = np.clip(places - _HALF, 0, STEPS - 1)
    return found


def counts(found: Steps) -> Integers:
    """How many magnitudes are in each step."""
    total: Integers = np.zeros(STEPS, np.int64)
    for part in chunks(found.size):
        total += np.bincount(found[part], minlength=STEPS)
    return total


def fit(pruned: Integers, sizes: Integers, start: Curve | None) -> Curve:
    """Nearly the most likely curve, by Newton's method from ``start``; only a sender needs it."""
    t = (np.arange(STEPS) - _MIDDLE) / 8.0
    basis = np.stack([np.ones(STEPS), t, t * t], axis=1)
    found = np.array([start.level, start.slope, start.bend] if start else _TYPICAL) / _SCALE
    damping = 1e-2 * np.eye(3)
    for _ in range(25):
        odds = np.minimum(np.maximum(basis @ found, -10), 10)
        share = 1 / (1 + np.exp(-odds))
        gradient = basis.T @ (pruned - sizes * share) - 1e-2 * found
        curvature = (basis.T * (sizes * share * (1 - share))) @ basis + damping
        move = np.linalg.solve(curvature, gradient)
        move /= max(1.0, float(np.abs(move).max()) / 4)
        found += move
        if np.abs(move).max() < 0.02:
            break
    level, slope, bend = np.rint(found * _SCALE).astype(int).tolist()
    return Curve(level, slope, bend)


@cache
def _logistic() -> Floats:
    """The logistic function at -10 to 10 in sixteenths, as exact multiples of 2**-20.

    Decimal's exp is rounded correctly, which the platform's need not be.
    """
    scale = 1 << _PRECISION
    shares = [int(scale / (1 + (Decimal(-odds) / 16).exp())) for odds in range(-_MOST_ODDS, _MOST_ODDS + 1)]
    return np.array(shares) / scale
