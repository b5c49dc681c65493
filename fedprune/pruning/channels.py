"""Structured pruning: the lowest scored channels of each group go, with everything that belongs to them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.groups import ChannelGroup, alive_channels, channel_mask
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.pruning.select import share_of, smallest
from fedprune.types import Arrays, Shapes


class Score(Protocol):
    """A channel criterion's ``score``: float64 of shape (channels,); the lowest go first."""

    def __call__(self, weights: Arrays, group: ChannelGroup) -> NDArray[np.float64]: ...


def prune_channels(
    weights: Arrays,
    mask: Mask,
    groups: Iterable[ChannelGroup],
    shapes: Shapes,
    amount: float,
    score: Score,
    floor: int = 1,
    multiple: int = 1,
) -> Mask:
    """``mask`` with floor(amount * channels) dead in each group, those dead before counted, lowest first.

    Ties go by index. At least ``floor`` channels of each group stay alive, unless fewer were, and as many
    more as make a ``multiple`` (all of a group that has fewer): a processor computes so many at a time,
    and takes as long for one more as for the next whole lot. Nothing is revived. ``amount`` is a share of all
    channels, not of those alive, so repeating a call changes nothing.
    Raises ValueError unless 0 <= amount <= 1.
    """
    for group in groups:
        alive = alive_channels(group, mask)
        kept = max(group.size - share_of(amount, group.size), floor)
        wanted = group.size - min(-(-kept // multiple) * multiple, group.size)
        more = wanted - int(np.count_nonzero(~alive))
        if more <= 0:
            continue
        candidates = np.flatnonzero(alive)
        alive[candidates[smallest(score(weights, group)[candidates], more)]] = False
        mask = channel_mask(group, alive, mask, shapes)
    return mask


def prune_channels_to(
    weights: Arrays,
    mask: Mask,
    groups: Sequence[ChannelGroup],
    shapes: Shapes,
    amounts: Iterable[float],
    score: Score,
    target: float,
    names: Iterable[str],
    floor: int = 1,
    multiple: int = 1,
) -> Mask:
    """``prune_channels`` by the first of ``amounts`` that does not overshoot a target sparsity.

    A channel goes with weights of several layers, so a step cannot be cut to meet a target exactly, as
    ``budget.prune_to`` does with single weights; it is tried with fewer channels instead.

    Args:
        amounts: shares of each group's channels to have dead, in the order in which they are tried.
        target: the most that may be pruned, a share of all coordinates of ``names``, in [0, 1].
        names: the parameters whose coordinates the target counts.

    Returns:
        The pruned mask; ``mask`` itself when every amount overshoots.

    Raises:
        ValueError: an amount is not between 0 and 1.
    """
    counted = {name: shapes[name] for name in names}
    size = sum(math.prod(shape) for shape in counted.values())
    fewest = size - round(target * size)
    for amount in amounts:
        pruned = prune_channels(weights, mask, groups, shapes, amount, score, floor, multiple)
        if sum(kept_counts(pruned, counted)) >= fewest:
            return pruned
    return mask
