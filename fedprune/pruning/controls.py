"""Masks to compare a ticket with: as dense in every layer, but not found by anybody."""

from __future__ import annotations

import numpy as np

from fedprune.models import Architecture
from fedprune.pruning.groups import alive_channels, channel_mask
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.pruning.regrow import keep_largest
from fedprune.types import Arrays, Bools


def random_like(mask: Mask, made: Architecture, rng: np.random.Generator, within: Mask | None = None) -> Mask:
    """A random mask with the density of ``mask`` in each layer, of what ``within`` keeps (None: of all).

    Removed channels stay whole: as many of each group are removed, drawn at random. Among what is left, each
    place is as likely as any other; so for masks of single weights this is the same in law as shuffling all
    entries of each layer.
    """
    return _redrawn(mask, made, rng, Mask() if within is None else within, permute=True)


def shuffled_rows(mask: Mask, made: Architecture, rng: np.random.Generator) -> Mask:
    """``mask`` with the entries of each output unit (filter, neuron) shuffled among its own places.

    Every unit keeps its number of weights and removed channels stay where they are; which inputs a unit sees
    is lost.
    """
    return _redrawn(mask, made, rng, Mask(), permute=False)


def largest_of(weights: Arrays, mask: Mask, made: Architecture) -> Mask:
    """The largest of ``weights``, as many in each layer as ``mask`` keeps: a mask that no client found."""
    names = [name for name in made.prunable if name in mask]
    counts = {name: int(np.count_nonzero(mask[name])) for name in names}
    return keep_largest(weights, Mask(), counts)


def _redrawn(
    mask: Mask, made: Architecture, rng: np.random.Generator, within: Mask, *, permute: bool
) -> Mask:
    names = [name for name in made.prunable if name in mask]
    every = within.with_dense({name: made.shapes[name] for name in names})
    room = Mask({name: every[name] for name in names})
    for group in made.groups:
        alive, among = alive_channels(group, mask), alive_channels(group, within)
        if permute:
            alive[among] = rng.permutation(alive[among])
        room = channel_mask(group, alive, room, made.shapes)
    counts = dict(zip(names, kept_counts(mask, {name: made.shapes[name] for name in names}), strict=True))
    drawn = room.copy()
    for name in names:
        if permute:
            wanted = np.array([counts[name]])
            drawn[name] = _drawn(room[name].reshape(1, -1), wanted, rng).reshape(room[name].shape)
        else:
            rows = mask[name].reshape(len(mask[name]), -1)
            drawn[name] = _drawn(room[name].reshape(rows.shape), rows.sum(1), rng).reshape(room[name].shape)
    return drawn


def _drawn(room: Bools, counts: np.ndarray, rng: np.random.Generator) -> Bools:
    """So many places of each row of ``room``, drawn among those that are True."""
    keys = np.where(room, rng.random(room.shape), np.inf)
    ranks = keys.argsort(1, kind="stable").argsort(1, kind="stable")
    return np.asarray(room & (ranks < counts[:, None]))
