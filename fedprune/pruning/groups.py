"""Channels and masks: which channels a mask leaves alive, and the mask without some channels.

A channel is dead when the mask removes every slice that goes with it, so that a model without it computes the
same.
"""

from __future__ import annotations

import numpy as np

from fedprune.models.groups import ChannelGroup, Member, channel_groups
from fedprune.pruning.mask import Mask
from fedprune.types import Bools, Shapes

__all__ = ["ChannelGroup", "alive_channels", "channel_groups", "channel_mask"]


def alive_channels(group: ChannelGroup, mask: Mask) -> Bools:
    """Bools of shape (channels,): False where ``mask`` removes all slices of the channel in all members.

    A member without an entry is dense, so all channels of its group are alive. A channel whose weights are
    all pruned one by one is alive as long as its bias or its columns are, since it still adds a constant.
    """
    alive = np.zeros(group.size, np.bool_)
    for member in group.members:
        if member[0] not in mask:
            return np.ones(group.size, np.bool_)
        alive |= _any_kept(mask[member[0]], member, group.size)
        if alive.all():
            break
    return alive


def channel_mask(group: ChannelGroup, alive: Bools, mask: Mask, shapes: Shapes) -> Mask:
    """``mask`` without any slice of the channels that are not ``alive`` (bools of shape (channels,)).

    Adds entries for the biases, norms and statistics among the members where a channel goes; nothing is
    revived.
    """
    removed = mask.copy()
    if alive.all():
        return removed
    for name, axis, span in group.members:
        shape = shapes[name]
        along = np.repeat(alive, span).reshape([-1 if at == axis else 1 for at in range(len(shape))])
        kept = mask[name] if name in mask else np.ones(shape, np.bool_)
        removed[name] = kept & along
    return removed


def _any_kept(kept: Bools, member: Member, size: int) -> Bools:
    _, axis, span = member
    before, after = kept.shape[:axis], kept.shape[axis + 1 :]
    split = kept.reshape(*before, size, span, *after)
    others = tuple(at for at in range(split.ndim) if at != axis)
    return np.asarray(split.any(axis=others))
