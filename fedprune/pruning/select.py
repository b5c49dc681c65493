"""Exact choices: how many a share is, and which entries are the smallest."""

from __future__ import annotations

import math

import numpy as np

from fedprune.types import Array

_SLACK = 1e-9


def share_of(amount: float, size: int) -> int:
    """floor(amount * size), where a product a rounding error below a whole number counts as that number.

    So 0.29 of 100 is 29, although 0.29 * 100 is 28.999999999999996 in floating point.

    Raises ValueError unless 0 <= amount <= 1.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"a share to prune is between 0 and 1, not {amount}")
    return min(size, math.floor(amount * size + _SLACK * max(1, size)))


def smallest(values: Array, count: int) -> Array:
    """Indices of the ``count`` smallest of 1-d ``values``, ties by index; NaN counts as the largest."""
    if count <= 0:
        return np.empty(0, np.intp)
    ordered = np.fmin(values, np.inf)
    threshold = np.partition(ordered, count - 1)[count - 1]
    below = np.flatnonzero(ordered < threshold)
    ties = np.flatnonzero(ordered == threshold)[: count - below.size]
    return np.concatenate([below, ties])
