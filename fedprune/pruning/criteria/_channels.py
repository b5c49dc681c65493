"""From scores of channels to scores of coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays


def rows(group: ChannelGroup, weights: Arrays) -> list[NDArray[np.float64]]:
    """The weights (not biases) that compute each channel: (channels, ...) flat, one array for each layer that
    does."""
    own = [name for name, axis, _ in group.members if axis == 0 and weights[name].ndim > 1]
    return [weights[name].astype(np.float64).reshape(group.size, -1) for name in own]


def over_rows(
    score: Callable[[ChannelGroup], NDArray[np.float64]],
    groups: Iterable[ChannelGroup],
    prunable: Iterable[str],
    weights: Arrays,
) -> Arrays:
    """Every weight that computes a channel of ``groups`` gets that channel's score; others are left out."""
    found: Arrays = {}
    for group in groups:
        scores = score(group)
        for name, axis, span in group.members:
            if axis == 0:
                shape = weights[name].shape
                column = np.repeat(scores, span).reshape(-1, *(1 for _ in shape[1:]))
                found[name] = np.broadcast_to(column, shape)
    return {name: found[name] for name in prunable if name in found}
