"""Weights that the loss would miss least, to first order, go first (SNIP; ICLR 2019).

Lee, Ajanthan, Torr, https://arxiv.org/abs/1810.02340. The paper scores initial weights, once; when is not a
criterion's concern here. Its division by the sum of all scores changes no order and is left out.
"""

from __future__ import annotations

import numpy as np

from fedprune.pruning.criteria import Evidence
from fedprune.types import Arrays


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """The absolute product of gradient and weight at each prunable coordinate, float64."""
    gradient = evidence.gradient()
    return {
        name: np.abs(gradient[name].astype(np.float64) * weights[name].astype(np.float64))
        for name in evidence.prunable
    }
