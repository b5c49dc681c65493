"""Channels with the smallest batch-norm scale go first (Liu et al., Network Slimming, ICCV 2017).

Channels of a residual net pass through several norms, and with group norm several go together: then the
absolute scales are summed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.criteria import Evidence
from fedprune.pruning.criteria._channels import over_rows
from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays, UserError

ADVICE = "set model.batch_norm = true, or use the criterion 'filter_l2'"


def score(weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]:
    """Sum of |scale| over the norms of each channel, float64 of shape (channels,).

    Raises UserError for channels without a norm.
    """
    if not group.norms:
        raise UserError(f"criterion 'batch_norm': no batch norm follows layer '{group.name}'; {ADVICE}")
    scales = [np.abs(weights[name].astype(np.float64)).reshape(group.size, -1) for name in group.norms]
    return np.asarray(np.concatenate(scales, axis=1).sum(axis=1))


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """The score of the channel that a weight computes; weights of layers without a norm are left out."""
    normed = [group for group in evidence.groups if group.norms]
    if not normed:
        raise UserError(f"criterion 'batch_norm': no batch norm follows any layer; {ADVICE}")
    return over_rows(lambda group: score(weights, group), normed, evidence.prunable, weights)
