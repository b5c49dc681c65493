"""Updates that stand far out of their round, which are refused: one client must not outweigh all others, and
so end the run.

What counts is the change of an array: the L2 norm of what a reply makes of what its client was sent, over the
coordinates that the client holds. A change is refused when it is more than ``NEAR`` times the norm of what
was sent and also more than ``FAR`` times the median change of those who hold the array in that round. Both
limits are relative: honest clients, who change alike, pass at any learning rate, and however large an
accepted update makes the global weights, nobody who trains on from them is refused for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.aggregation import Update
from fedprune.types import Array, Arrays, Shapes

NEAR = 3.0
"""A change of so many times what was sent is never refused."""
FAR = 10.0
"""Nor is one of so many times the median change."""
ALONE = 1e6
"""Nor one of up to this norm where only one client holds the array, whom nobody can be compared with."""


@dataclass(frozen=True)
class Change:
    """What a reply made of what its client was sent."""

    update: Update
    sent: Arrays


def least_norms(shapes: Shapes, initial: Arrays) -> dict[str, float]:
    """Array -> the least that counts as the norm of what was sent, whatever the weights have become.

    For kernels and matrices it is the norm of their initial values; for vectors, of which biases begin at
    zero, and for what has no initial value it is that of ones, or of the initial values where that is more.
    So no update can shrink the weights until every honest change is large beside them.
    """
    least = {}
    for name, shape in shapes.items():
        value = initial.get(name)
        begun = 0.0 if value is None else _norm(_comparable(name, value))
        least[name] = begun if begun and len(shape) > 1 else max(begun, math.sqrt(math.prod(shape)))
    return least


def outliers(changes: Sequence[Change], least: Mapping[str, float]) -> dict[int, str]:
    """Client -> why its update is refused.

    Args:
        changes: all that counts in the round so far.
        least: ``least_norms`` of all arrays that travel.
    """
    found: dict[int, str] = {}
    for name in least:
        holders = [change for change in changes if _holds(change.update, name)]
        for client, norm, limit in _too_far(name, holders, least[name]):
            found.setdefault(
                client, f"{name}: a change of norm {norm:.3g}, {limit:.3g} is the limit in this round"
            )
    return {client: f"{reason}: did training explode?" for client, reason in found.items()}


def _holds(update: Update, name: str) -> bool:
    """Whether the client holds any coordinate of an array; of what it does not hold it tells nothing."""
    held = update.mask.get(name)
    return name in update.arrays and (held is None or bool(held.any()))


def _too_far(name: str, holders: Sequence[Change], least: float) -> list[tuple[int, float, float]]:
    """(client, norm of its change, limit) of those whose change of one array is refused."""
    near = _Near(name, least)
    if all(near.surely(change) for change in holders):
        return []  # As in nearly every round, for a fraction of the work.
    norms = [_norm(_difference(name, change)) for change in holders]
    far = FAR * sorted(norms)[(len(norms) - 1) // 2] if len(norms) > 1 else ALONE
    limits = [max(far, near.limit(change)) for change in holders]
    return [
        (change.update.client, norm, limit)
        for change, norm, limit in zip(holders, norms, limits, strict=True)
        if norm > limit
    ]


class _Near:
    """``NEAR`` times what was sent of one array; clients are mostly sent one and the same array."""

    def __init__(self, name: str, least: float) -> None:
        self._name, self._least = name, least
        self._known: dict[int, float] = {}

    def limit(self, change: Change) -> float:
        return NEAR * max(self._least, self._sent(change))

    def surely(self, change: Change) -> bool:
        """Whether the norms of both ends alone tell that the change is within the limit."""
        made = _norm(_comparable(self._name, change.update.arrays[self._name]))
        return made + self._sent(change) <= self.limit(change)

    def _sent(self, change: Change) -> float:
        value = change.sent.get(self._name)
        if value is None:
            return 0.0
        if id(value) not in self._known:
            self._known[id(value)] = _norm(_comparable(self._name, value))
        return self._known[id(value)]


def _difference(name: str, change: Change) -> Array:
    made, sent, held = change.update.arrays[name], change.sent.get(name), change.update.mask.get(name)
    if sent is None:
        return made
    difference = _comparable(name, made).astype(np.float64) - _comparable(name, sent)
    return difference if held is None else np.where(held, difference, 0)


def is_variance(name: str) -> bool:
    """Whether an array of that name holds running variances of a batch norm."""
    return name.rpartition(".")[2] == "running_var"


def _comparable(name: str, value: Array) -> Array:
    """Variances as standard deviations, which have the unit of what they describe; all else as it is."""
    return np.sqrt(np.maximum(value, 0)) if is_variance(name) else value


def _norm(value: Array) -> float:
    """The L2 norm of an array of any shape."""
    flat = value.reshape(-1)
    # Not numpy's norm, which is a product of BLAS and fights for the cores where that has threads. In single
    # precision first, where it overflows only beyond any limit, and then in double.
    square = float(np.einsum("i,i->", flat, flat))
    if not math.isfinite(square):
        square = float(np.square(flat, dtype=np.float64).sum())
    return math.sqrt(square)
