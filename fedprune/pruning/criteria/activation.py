"""Channels whose activations are most often zero go first (APoZ: Hu, Peng, Tai, Tang; 2016).

Network Trimming, https://arxiv.org/abs/1607.03250, equation 1, on the client's own training data. Zeros are
counted in what the next layers are given, so after pooling where it follows the ReLU.
"""

from __future__ import annotations

from fedprune.pruning.criteria import Evidence
from fedprune.pruning.criteria._channels import over_rows
from fedprune.types import Arrays, UserError


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """1 - the share of zeros of the channel that a weight computes; outputs of the network are left out."""
    if not evidence.groups:
        raise UserError("criterion 'activation': the model has no removable channels; use 'magnitude'")
    zeros = evidence.activity()
    return over_rows(lambda group: 1 - zeros[group.name], evidence.groups, evidence.prunable, weights)
