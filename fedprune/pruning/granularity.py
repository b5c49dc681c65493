"""Granularity and scope: which coordinates go together, and which compete to stay.

A unit (a weight, a kernel, a channel, a residual block) goes as a whole. It scores the **mean** of its
coordinates' importance: a sum would let the size of a unit decide between layers. Units come in pools, one
for each layer; scope ``layer`` prunes the same share of each pool, ``global`` of all together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.blocks import residual_blocks
from fedprune.pruning.groups import ChannelGroup, alive_channels, channel_mask
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of, smallest
from fedprune.types import Arrays, Bools, Shapes, UserError

Granularity = Literal["weight", "kernel", "channel", "layer"]
Scope = Literal["layer", "global"]


class Pool(Protocol):
    """The units of one layer that compete."""

    @property
    def members(self) -> tuple[str, ...]:
        """The parameters that a mask of these units has entries for."""

    def scores(self, importance: Arrays) -> NDArray[np.float64] | None:
        """float64 (units,); None where the criterion does not speak of them."""

    def alive(self, mask: Mask, shapes: Shapes) -> Bools:
        """Bools (units,): False where ``mask`` keeps nothing of a unit."""

    def without(self, alive: Bools, mask: Mask, shapes: Shapes) -> Mask:
        """``mask`` without the units that are not ``alive``; nothing is revived."""


@dataclass(frozen=True)
class Slices:
    """The slices of one parameter along its first ``axes`` axes: kernels (2), or single weights (all)."""

    name: str
    axes: int | None

    @property
    def members(self) -> tuple[str, ...]:
        return (self.name,)

    def scores(self, importance: Arrays) -> NDArray[np.float64] | None:
        scores = importance.get(self.name)
        if scores is None:
            return None
        return np.asarray(scores.reshape(math.prod(scores.shape[: self.axes]), -1).mean(axis=1))

    def alive(self, mask: Mask, shapes: Shapes) -> Bools:
        units = math.prod(shapes[self.name][: self.axes])
        if self.name not in mask:
            return np.ones(units, np.bool_)
        return np.asarray(mask[self.name].reshape(units, -1).any(axis=1))

    def without(self, alive: Bools, mask: Mask, shapes: Shapes) -> Mask:
        shape = shapes[self.name]
        removed = mask.copy()
        along = alive.reshape(*shape[: self.axes], *(1 for _ in shape[len(shape[: self.axes]) :]))
        removed[self.name] = mask.get(self.name, np.True_) & np.broadcast_to(along, shape)
        return removed


@dataclass(frozen=True)
class Channels:
    """The channels of one group, with every slice that goes with them."""

    group: ChannelGroup

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.group.members)

    def scores(self, importance: Arrays) -> NDArray[np.float64] | None:
        rows = [
            importance[name].reshape(self.group.size, -1)
            for name, axis, _ in self.group.members
            if axis == 0 and name in importance
        ]
        return np.concatenate(rows, axis=1).mean(axis=1) if rows else None

    def alive(self, mask: Mask, shapes: Shapes) -> Bools:
        return alive_channels(self.group, mask)

    def without(self, alive: Bools, mask: Mask, shapes: Shapes) -> Mask:
        return channel_mask(self.group, alive, mask, shapes)


@dataclass(frozen=True)
class Blocks:
    """The residual blocks of a network; a block is given by the channels inside it, which all go."""

    blocks: tuple[tuple[ChannelGroup, ...], ...]

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(name for block in self.blocks for group in block for name, _, _ in group.members)

    def scores(self, importance: Arrays) -> NDArray[np.float64] | None:
        found = []
        for block in self.blocks:
            names = dict.fromkeys(
                name for group in block for name, _, _ in group.members if name in importance
            )
            if not names:
                return None
            found.append(float(np.concatenate([importance[name].reshape(-1) for name in names]).mean()))
        return np.array(found)

    def alive(self, mask: Mask, shapes: Shapes) -> Bools:
        return np.array([any(alive_channels(group, mask).any() for group in block) for block in self.blocks])

    def without(self, alive: Bools, mask: Mask, shapes: Shapes) -> Mask:
        for block in (block for block, stays in zip(self.blocks, alive, strict=True) if not stays):
            for group in block:
                mask = channel_mask(group, np.zeros(group.size, np.bool_), mask, shapes)
        return mask


def pools(
    granularity: Granularity, prunable: Sequence[str], groups: Sequence[ChannelGroup]
) -> tuple[Pool, ...]:
    """The units of a model by layer.

    ``kernel``: the 2-d slices [out, in] of a convolution; in a linear layer single weights. ``channel``: all
    members of a ChannelGroup. ``layer``: whole residual blocks, whose shortcuts stay; all are one pool.
    Raises UserError for a model without channels or blocks where these are asked for.
    """
    if granularity == "weight":
        return tuple(Slices(name, None) for name in prunable)
    if granularity == "kernel":
        return tuple(Slices(name, 2) for name in prunable)
    if granularity == "channel":
        if not groups:
            raise UserError("granularity 'channel': the model has no removable channels; use 'weight'")
        return tuple(Channels(group) for group in groups)
    blocks = residual_blocks(groups)
    if not blocks:
        raise UserError(
            "granularity 'layer': the model has no residual blocks to take out; use a residual net such as "
            "model.name = 'resnet20', or leave its layers in"
        )
    return (Blocks(blocks),)


def prune_units(
    mask: Mask, pools: Sequence[Pool], importance: Arrays, sparsity: float, scope: Scope, shapes: Shapes
) -> Mask:
    """``mask`` with floor(sparsity * units) dead, those dead before counted, the least important first.

    Of each pool, or of all together; ties go by index, in the order of the pools. Every pool keeps the most
    important of its living units, so that no layer is cut through. Pools that ``importance`` does not speak
    of stay as they are and do not count. As ``sparsity`` is a share of all units, repeating a call changes
    nothing. Raises ValueError unless 0 <= sparsity <= 1.
    """
    scored = [(pool, scores) for pool in pools if (scores := pool.scores(importance)) is not None]
    competing = [scored] if scope == "global" else [[each] for each in scored]
    for together in competing:
        before = [pool.alive(mask, shapes) for pool, _ in together]
        after = _survivors([scores for _, scores in together], before, sparsity)
        for (pool, _), was, stays in zip(together, before, after, strict=True):
            if not np.array_equal(was, stays):
                mask = pool.without(stays, mask, shapes)
    return mask


def _survivors(scores: list[NDArray[np.float64]], before: list[Bools], sparsity: float) -> list[Bools]:
    """Who lives on in each of some pools that compete with one another."""
    if not scores:
        return []
    spared = [_most_important(of_pool, alive) for of_pool, alive in zip(scores, before, strict=True)]
    alive, every = np.concatenate(before), np.concatenate(scores)
    candidates = np.flatnonzero(alive & ~np.concatenate(spared))
    more = share_of(sparsity, alive.size) - int(np.count_nonzero(~alive))
    alive[candidates[smallest(every[candidates], min(more, candidates.size))]] = False
    return np.split(alive, np.cumsum([of_pool.size for of_pool in scores])[:-1])


def _most_important(scores: NDArray[np.float64], alive: Bools) -> Bools:
    """The one living unit that would go last; none where none lives."""
    spared = np.zeros(scores.size, np.bool_)
    units = np.flatnonzero(alive)
    if units.size:
        # Ties go by index, so the last of the highest.
        spared[units[::-1][np.argmax(np.fmin(scores[units[::-1]], np.inf))]] = True
    return spared
