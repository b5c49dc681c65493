"""The smallest weights of each parameter go first (Han, Pool, Tran, Dally; NIPS 2015; arXiv 1506.02626)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of, smallest
from fedprune.types import Arrays


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
