"""Mask-aware means over clients: every coordinate is averaged over those that hold it.

All of them sort by client and sum in float64 in that order, so the result does not depend on arrival; where
nobody holds a coordinate the old value stays; the result is cast once, to the old value's dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fedprune.types import Array, Arrays, Bools

if TYPE_CHECKING:
    from fedprune.strategy import Update


def holders_mean(old: Arrays, updates: Sequence[Update], *, weighted: bool) -> Arrays:
    """Per coordinate, the mean over its holders (Sub-FedAvg's rule), by sample counts if ``weighted``
    (FedDST's).

    Parameters that no update carries are passed through.
    """
    return _each(old, updates, lambda value, mine: _mean(value, mine, weighted, lambda held, n: held > 0))


def intersection_mean(old: Arrays, updates: Sequence[Update], *, weighted: bool = False) -> Arrays:
    """Per coordinate, the mean if **every** participant kept it, else the old value (Hermes's strict
    intersection)."""
    return _each(old, updates, lambda value, mine: _mean(value, mine, weighted, lambda held, n: held == n))


def _each(
    old: Arrays, updates: Sequence[Update], mean: Callable[[Array, list[tuple[str, Update]]], Array]
) -> Arrays:
    ordered = sorted(updates, key=lambda update: update.client)
    result = {}
    for name, value in old.items():
        mine = [(name, update) for update in ordered if name in update.arrays]
        result[name] = mean(value, mine) if mine else value
    return result


def _mean(
    old: Array,
    mine: Iterable[tuple[str, Update]],
    weighted: bool,
    shared: Callable[[Array, int], Bools],
) -> Array:
    total = np.zeros(old.shape, np.float64)
    weight = np.zeros(old.shape, np.float64)
    holders = np.zeros(old.shape, np.int64)
    count = 0
    for name, update in mine:
        share = float(update.samples) if weighted else 1.0
        held = update.mask.get(name)
        count += 1
        if held is None:
            total += share * update.arrays[name].astype(np.float64)
            weight += share
            holders += 1
        else:
            total += np.where(held, share * update.arrays[name].astype(np.float64), 0.0)
            weight += share * held
            holders += held
    use = shared(holders, count)
    return np.where(use, total / np.where(weight > 0, weight, 1.0), old).astype(old.dtype)
