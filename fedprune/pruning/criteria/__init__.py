"""Criteria, one per file: ``importance(weights, evidence)`` scores coordinates; the lowest go first.

The scores of a parameter are a float64 array of its shape. What a criterion does not speak of (say, layers
without a norm) it leaves out, and that is not pruned. Whether layers compete, and whether weights go singly
or as kernels, channels or blocks, is not its concern: ``fedprune.pruning.granularity`` pools its scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from fedprune import plugins
from fedprune.pruning.groups import ChannelGroup
from fedprune.types import Arrays


@dataclass(frozen=True)
class Evidence:
    """What a client knows of its model; what must be computed is computed when a criterion asks."""

    prunable: tuple[str, ...]
    """The parameters to score, in order."""
    groups: tuple[ChannelGroup, ...]
    """The groups of channels that can be removed from the model."""
    gradient: Callable[[], Arrays]
    """The dense mean gradient of the loss on training data, by parameter name."""
    activity: Callable[[], Arrays]
    """Group's name -> share of zeros after each channel's ReLU on training data, float64 (channels,)."""
    rng: Callable[[], np.random.Generator]
    """A generator keyed by seed, round and client."""


class Importance(Protocol):
    """A criterion: parameter -> scores of its coordinates, float64 of its shape; NaN counts as the highest.

    ``weights`` are float32 and zero where pruned; scores of pruned coordinates mean nothing. Raises UserError
    where the model has nothing that this criterion speaks of.
    """

    def __call__(self, weights: Arrays, evidence: Evidence) -> Arrays: ...


def criterion(name: str) -> Importance:
    """The criterion of that plug-in.

    Raises UnknownPluginError, with what was meant, when there is none of that name.
    """
    return cast(Importance, plugins.load("criteria", name).importance)
