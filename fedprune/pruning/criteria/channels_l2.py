"""Channels whose filter has the smallest L2 norm go first (after Li et al., Pruning Filters, ICLR 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays


def score(weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]:
    """L2 norm of the weights (not the bias) that compute each channel, float64 of shape (channels,)."""
    filters = weights[f"{group.name}.weight"].astype(np.float64).reshape(group.size, -1)
    return np.asarray(np.sqrt(np.square(filters).sum(axis=1)))
