"""What attacks have in common: what they are beside a stage, what they leave alone, and what others send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fedprune.types import Array, Arrays
from fedprune.updates import Change, Stage

_STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class Attack(Stage):
    """A stage that only some clients carry out; unless it says otherwise their own update stays as it is."""

    hostile = True

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        return change

    def moves_freely(self) -> bool:
        # Statistics are left alone, see ``weights_of``.
        return False


def require_positive(attack: Attack, name: str) -> None:
    """Raises ValueError unless that field is above 0."""
    if getattr(attack, name) <= 0:
        raise ValueError(f"{name}: must be greater than 0, got {getattr(attack, name)}")


def weights_of(change: Change) -> list[str]:
    """The parameters that an attack may change: all but batch norm's running statistics, whose variances a
    server refuses when they are negative."""
    return [name for name in change.arrays if name.rpartition(".")[2] not in _STATISTICS]


def attacked(change: Change, arrays: Mapping[str, Array]) -> Change:
    """``change`` with other arrays, whose norm nothing bounds any more; what is not given stays."""
    return replace(change, arrays={**change.arrays, **arrays}, bound=None)


def held(change: Change, name: str) -> Array:
    """Where a client holds a parameter: bools of its full shape."""
    mask = change.mask.get(name)
    return np.ones(change.arrays[name].shape, np.bool_) if mask is None else mask


@dataclass(frozen=True)
class Crowd:
    """What others send, coordinate by coordinate over those who hold it."""

    mean: Arrays
    deviation: Arrays
    """Population standard deviation."""
    holders: Arrays
    """How many they are; where it is 0, mean and deviation are 0 and say nothing."""

    @classmethod
    def of(cls, others: Sequence[Change]) -> Crowd:
        """The statistics of ``others``, float64 of full shapes."""
        mean, deviation, holders = dict[str, Array](), dict[str, Array](), dict[str, Array]()
        for name in dict.fromkeys(name for change in others for name in weights_of(change)):
            there = [change for change in others if name in change.arrays]
            count = np.sum([held(change, name) for change in there], axis=0)
            least = np.maximum(count, 1)
            mean[name] = np.sum([change.arrays[name] for change in there], axis=0) / least
            away = [np.where(held(change, name), change.arrays[name] - mean[name], 0) for change in there]
            deviation[name] = np.sqrt(np.sum(np.square(away), axis=0) / least)
            holders[name] = count
        return cls(mean, deviation, holders)

    def instead(self, own: Change, planned: Mapping[str, Array]) -> Change:
        """``own`` with what is planned where it and somebody else hold a coordinate; its own elsewhere."""
        arrays = {
            name: np.where(held(own, name) & (self.holders[name] > 0), planned[name], own.arrays[name])
            for name in weights_of(own)
            if name in planned
        }
        return attacked(own, arrays)
