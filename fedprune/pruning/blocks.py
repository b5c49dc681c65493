"""Residual blocks that a network can do without, read from its channel groups."""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.pruning.groups import ChannelGroup


def residual_blocks(groups: Sequence[ChannelGroup]) -> tuple[tuple[ChannelGroup, ...], ...]:
    """The inside of each block, as the groups of its hidden channels from the last to the first.

    A block begins with a layer that reads the channels it leads from and ends with one whose outputs are
    added to those it leads to. Beside it must be a shortcut: both are the same channels, or some other layer
    reads the one and is added to the other. Without its hidden channels a block adds only what its last norm
    (or bias) adds on its own, and the shortcut is left.
    """
    return tuple(block for group in groups if (block := _block(group, groups)))


def _block(last: ChannelGroup, groups: Sequence[ChannelGroup]) -> tuple[ChannelGroup, ...]:
    """The block that ends after the channels ``last``, empty when they end none."""
    targets = [group for group in groups if _written(group) & _read(last)]
    if len(targets) != 1 or not _read(last) <= _written(targets[0]):
        return ()
    target, inside = targets[0], [last]
    while len(_written(inside[-1])) == 1:
        sources = [group for group in groups if _read(group) & _written(inside[-1])]
        if len(sources) != 1 or sources[0] in inside:
            break
        source = sources[0]
        own = _written(inside[-1]) | _read(last)
        if source == target or (_read(source) & _written(target)) - own:
            return tuple(inside)
        if _read(source) != _written(inside[-1]):
            break  # these channels lead elsewhere too, so they do not belong to the block
        inside.append(source)
    return ()


def _written(group: ChannelGroup) -> set[str]:
    """The weights, not norms' scales, that compute the group's channels."""
    along = {name for name, axis, _ in group.members if axis == 0}
    return {name for name in along - set(group.norms) if name.split(".")[-1] == "weight"}


def _read(group: ChannelGroup) -> set[str]:
    """The weights that read the group's channels."""
    return {name for name, axis, _ in group.members if axis == 1}
