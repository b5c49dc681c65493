"""One pruning step towards a target sparsity that is met exactly and never overshot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays


class Prune(Protocol):
    """A criterion's ``prune``: at most floor(amount * kept) go of what is kept."""

    def __call__(self, weights: Arrays, mask: Mask, amount: float, names: Sequence[str]) -> Mask: ...


def prune_to(
    prune: Prune, weights: Arrays, mask: Mask, step: float, target: float, names: Sequence[str], size: int
) -> Mask:
    """``mask`` after one step that prunes ``step`` of what is alive in ``names``, or less near the target.

    ``target`` is the sparsity to reach, the pruned share of the ``size`` coordinates of all ``names``. The
    last step shrinks so that exactly round(target * size) are pruned. Returns ``mask`` itself when that many
    are already pruned (or more, for example by channels). Raises ValueError unless 0 <= step, target <= 1.
    """
    if not (0 <= step <= 1 and 0 <= target <= 1):
        raise ValueError(f"step and target are shares between 0 and 1, not {step} and {target}")
    wanted = size - round(target * size)
    if _kept(mask, weights, names) <= wanted:
        return mask
    whole = prune(weights, mask, step, names)
    if _kept(whole, weights, names) >= wanted:
        return whole
    return _down_to(prune, weights, mask, wanted, names)


def _down_to(prune: Prune, weights: Arrays, mask: Mask, wanted: int, names: Sequence[str]) -> Mask:
    """The same share everywhere; what rounding down left over, one each where it took the most."""
    kept = {name: _kept(mask, weights, (name,)) for name in names}
    share = 1 - wanted / sum(kept.values())
    pruned = prune(weights, mask, share, names)
    rest = _kept(pruned, weights, names) - wanted
    fractions = {name: math.modf(share * count)[0] for name, count in kept.items()}
    for name in sorted(names, key=lambda name: -fractions[name])[:rest]:
        left = _kept(pruned, weights, (name,))
        if left:
            pruned = prune(weights, pruned, 1 / left, (name,))
    return pruned


def _kept(mask: Mask, weights: Arrays, names: Sequence[str]) -> int:
    return sum(int(np.count_nonzero(mask[name])) if name in mask else weights[name].size for name in names)
