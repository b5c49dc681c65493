"""Physical shrinking: a model without its dead channels, and the way back to full coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fedprune.models import Architecture
from fedprune.pruning.groups import ChannelGroup, alive_channels
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes

if TYPE_CHECKING:
    from torch import nn

Kept = Mapping[str, tuple[NDArray[np.intp] | None, ...]]
"""Parameter -> for each axis the sorted indices that a shrunk model keeps, None where it keeps all of it."""


class Shaped(Protocol):
    """What of an architecture tells which indices a shrunk model keeps."""

    @property
    def shapes(self) -> Shapes:
        """Parameter -> its full shape."""

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """The channels that can be removed."""


def kept_indices(architecture: Shaped, mask: Mask) -> Kept:
    """What is left of every parameter when the channels that ``mask`` makes dead are removed.

    A group with no channel alive keeps its first one, so that its layers still exist.
    """
    kept: dict[str, list[NDArray[np.intp] | None]] = {
        name: [None] * len(shape) for name, shape in architecture.shapes.items()
    }
    for group in architecture.groups:
        alive = alive_channels(group, mask)
        if alive.all():
            continue
        channels = np.flatnonzero(alive) if alive.any() else np.zeros(1, np.intp)
        for name, axis, span in group.members:
            kept[name][axis] = (channels[:, None] * span + np.arange(span)).reshape(-1)
    return {name: tuple(axes) for name, axes in kept.items()}


def shrink(architecture: Architecture, weights: Arrays, mask: Mask) -> tuple[nn.Module, Kept]:
    """A fresh module that computes what the full one computes under ``mask``, without its dead channels.

    ``weights`` are in full coordinates, one array for every name in ``architecture.shapes``; the module holds
    copies. Where a coordinate is pruned but its channel lives, the module holds a zero, which training must
    keep at zero.
    """
    kept = kept_indices(architecture, mask)
    return architecture.load(take(mask.apply(weights), kept)), kept


def take(arrays: Arrays, kept: Kept) -> Arrays:
    """The parts of full-size ``arrays`` (weights, or entries of a mask) that the shrunk model has.

    Arrays kept whole are passed through, the others are copies.
    """
    return {name: _take(array, kept[name]) for name, array in arrays.items()}


def scatter(small: Arrays, kept: Kept, shapes: Shapes) -> Arrays:
    """Arrays of the full ``shapes`` that hold those of the shrunk model at their places, and zeros elsewhere.

    Arrays kept whole are passed through.
    """
    full: Arrays = {}
    for name, array in small.items():
        if all(indices is None for indices in kept[name]):
            full[name] = array
            continue
        full[name] = np.zeros(shapes[name], array.dtype)
        full[name][_places(kept[name], shapes[name])] = array
    return full


def _take(array: NDArray[np.generic], indices: tuple[NDArray[np.intp] | None, ...]) -> NDArray[np.generic]:
    for axis, chosen in enumerate(indices):
        if chosen is not None:
            array = array.take(chosen, axis)
    return array


def _places(
    indices: tuple[NDArray[np.intp] | None, ...], shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], ...]:
    whole = (np.arange(size) for size in shape)
    return np.ix_(
        *(every if chosen is None else chosen for chosen, every in zip(indices, whole, strict=True))
    )
