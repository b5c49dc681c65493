"""Channels with the smallest batch-norm scale go first (Liu et al., Network Slimming, ICCV 2017).

Channels of a residual net pass through several norms, and with group norm several go together: then the
absolute scales are summed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays, UserError


def score(weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]:
    """Sum of |scale| over the norms of each channel, float64 of shape (channels,).

    Raises UserError for channels without a norm.
    """
    if not group.norms:
        raise UserError(
            f"criterion 'channels_batch_norm': no batch norm follows layer '{group.name}'; "
            "set model.batch_norm = true, or use the criterion 'channels_l2'"
        )
    scales = [np.abs(weights[name].astype(np.float64)).reshape(group.size, -1) for name in group.norms]
    return np.asarray(np.concatenate(scales, axis=1).sum(axis=1))
