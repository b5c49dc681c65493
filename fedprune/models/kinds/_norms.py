"""The normalisation layers of the deep image networks."""

from __future__ import annotations

from typing import Literal

from torch import nn

Norm = Literal["batch", "group"]

GROUP = 4
"""Channels that a group norm normalises together. They can only be removed together, so a group is small
enough to leave pruning a choice among 16 channels."""


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """A batch norm, or a group norm (Wu and He, ECCV 2018) of groups of GROUP channels."""
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(channels // GROUP, channels)


def unit(kind: Norm) -> int:
    """The number of channels of such a layer is a multiple of this."""
    return 1 if kind == "batch" else GROUP
