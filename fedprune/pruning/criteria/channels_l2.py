"""Channels whose filter has the smallest L2 norm go first (after Li et al., Pruning Filters, ICLR 2017).

In a residual net several layers compute one channel: then the squares of all their weights are summed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays


def score(weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]:
    """L2 norm of the weights (not biases) that compute each channel, float64 of shape (channels,)."""
    own = [name for name, axis, _ in group.members if axis == 0 and weights[name].ndim > 1]
    squares = [np.square(weights[name].astype(np.float64).reshape(group.size, -1)) for name in own]
    return np.asarray(np.sqrt(sum(each.sum(axis=1) for each in squares)))
