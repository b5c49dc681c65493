"""Weights with the smallest gradient of the loss go first, whatever their own size."""

from __future__ import annotations

import numpy as np

from fedprune.pruning.criteria import Evidence
from fedprune.types import Arrays


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """The absolute gradient of each prunable coordinate, float64."""
    gradient = evidence.gradient()
    return {name: np.abs(gradient[name].astype(np.float64)) for name in evidence.prunable}
