"""The smallest weights go first (Han, Pool, Tran, Dally; NIPS 2015; arXiv 1506.02626)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fedprune.pruning.criteria import Evidence
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of, smallest
from fedprune.types import Arrays


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """The absolute value of each prunable weight, float64."""
    return {name: np.abs(weights[name].astype(np.float64)) for name in evidence.prunable}


def prune(weights: Arrays, mask: Mask, amount: float, names: Sequence[str]) -> Mask:
    """A mask without the floor(amount * kept) smallest |weight| of what ``mask`` keeps, in each of ``names``.

    Ties go by index. The result has an entry for each of ``names``. Raises ValueError unless 0 <= amount <=
    1.
    """
    pruned = mask.copy()
    for name in names:
        kept = np.ravel(mask[name]).copy() if name in mask else np.ones(weights[name].size, np.bool_)
        alive = np.flatnonzero(kept)
        magnitudes = np.abs(weights[name].reshape(-1)[alive])
        kept[alive[smallest(magnitudes, share_of(amount, alive.size))]] = False
        pruned[name] = kept.reshape(weights[name].shape)
    return pruned


def prune_global(weights: Arrays, mask: Mask, amount: float, names: Sequence[str]) -> Mask:
    """A mask without the floor(amount * kept) smallest |weight| of what ``mask`` keeps in ``names`` together.

    Ties go by the order of ``names``, then by index. The result has an entry for each of ``names``. Raises
    ValueError unless 0 <= amount <= 1.
    """
    pruned = mask.copy()
    if not names:
        return pruned
    entries = [mask[name] if name in mask else np.ones(weights[name].shape, np.bool_) for name in names]
    kept = np.concatenate([entry.reshape(-1) for entry in entries])
    alive = np.flatnonzero(kept)
    magnitudes = np.abs(np.concatenate([weights[name].reshape(-1) for name in names])[alive])
    kept[alive[smallest(magnitudes, share_of(amount, alive.size))]] = False
    ends = np.cumsum([entry.size for entry in entries])
    for name, part in zip(names, np.split(kept, ends[:-1]), strict=True):
        pruned[name] = part.reshape(weights[name].shape)
    return pruned
