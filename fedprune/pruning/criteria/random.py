"""Chance decides, another chance for every client and round: the control that a criterion has to beat."""

from __future__ import annotations

from fedprune.pruning.criteria import Evidence
from fedprune.types import Arrays


def importance(weights: Arrays, evidence: Evidence) -> Arrays:
    """Uniform in [0, 1), drawn in the order of the parameters."""
    rng = evidence.rng()
    return {name: rng.random(weights[name].shape) for name in evidence.prunable}
