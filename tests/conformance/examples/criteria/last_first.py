"""Coordinates go from the last to the first, whatever they hold."""

from __future__ import annotations

import numpy as np

from fedprune.pruning.criteria import Evidence
from fedprune.types import Arrays


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """The negative flat index of each coordinate."""
    shapes = {name: weights[name].shape for name in evidence.prunable}
    return {
        name: -np.arange(np.prod(shape), dtype=np.float64).reshape(shape) for name, shape in shapes.items()
    }
