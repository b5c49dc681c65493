"""Mask-aware means over clients: every coordinate is averaged over those that hold it.

All of them sort by client and sum in float64 in that order, so the result does not depend on arrival; where
nobody holds a coordinate the old value stays; the result is cast once, to the old value's dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class Update:
    """One client's decoded and validated reply, as aggregation sees it."""

    client: int
    samples: int
    """Number of training samples behind the update."""
    arrays: Arrays
    mask: Mask
    """Coordinates the client holds; a parameter without an entry is held whole."""


def holders_mean(old: Arrays, updates: Sequence[Update], *, weighted: bool) -> Arrays:
    """Per coordinate the mean over its holders (Sub-FedAvg), by sample counts if ``weighted`` (FedDST).

    Parameters that no update carries are passed through.
    """
    return _means(old, updates, weighted, every=False)


def intersection_mean(old: Arrays, updates: Sequence[Update], *, weighted: bool = False) -> Arrays:
    """Per coordinate the mean where **every** participant holds it, else the old value (Hermes).

    Parameters that no update carries are passed through.
    """
    return _means(old, updates, weighted, every=True)


def _means(old: Arrays, updates: Sequence[Update], weighted: bool, every: bool) -> Arrays:
    ordered = sorted(updates, key=lambda update: update.client)
    result = {}
    for name, value in old.items():
        mine = [update for update in ordered if name in update.arrays]
        result[name] = _mean(name, value, mine, weighted, len(mine) if every else 1) if mine else value
    return result


def _mean(name: str, old: Array, updates: Sequence[Update], weighted: bool, quorum: int) -> Array:
    """The mean of one parameter where at least ``quorum`` of the updates hold it."""
    total, weight = np.zeros(old.shape, np.float64), np.zeros(old.shape, np.float64)
    holders = np.zeros(old.shape, np.int64)
    for update in updates:
        share = float(update.samples) if weighted else 1.0
        held = update.mask.get(name, np.True_)
        total += np.where(held, share * update.arrays[name].astype(np.float64), 0.0)
        weight += share * held
        holders += held
    return np.where(holders >= quorum, total / np.where(weight > 0, weight, 1.0), old).astype(old.dtype)
