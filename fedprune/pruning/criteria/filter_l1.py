"""Channels whose filter has the smallest L1 norm go first (Li et al., Pruning Filters, ICLR 2017).

In a residual net several layers compute one channel: then the absolute weights of all are summed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.criteria import Evidence
from fedprune.pruning.criteria._channels import over_rows, rows
from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays, UserError


def score(weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]:
    """L1 norm of the weights (not biases) that compute each channel, float64 of shape (channels,)."""
    return np.asarray(sum(np.abs(each).sum(axis=1) for each in rows(group, weights)))


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """The norm of the channel that a weight computes; outputs of the network are left out."""
    if not evidence.groups:
        raise UserError("criterion 'filter_l1': the model has no removable channels; use 'magnitude'")
    return over_rows(lambda group: score(weights, group), evidence.groups, evidence.prunable, weights)
