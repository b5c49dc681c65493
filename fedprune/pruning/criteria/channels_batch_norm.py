"""Channels with the smallest batch-norm scale go first (Liu et al., Network Slimming, ICCV 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays, UserError


def score(weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]:
    """|batch-norm scale| of each channel, float64 of shape (channels,).

    Raises UserError for channels without a batch norm.
    """
    if group.norm is None:
        raise UserError(
            f"criterion 'channels_batch_norm': no batch norm follows layer '{group.name}'; "
            "set model.batch_norm = true, or use the criterion 'channels_l2'"
        )
    return np.abs(weights[group.norm].astype(np.float64))
