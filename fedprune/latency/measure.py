"""One query after another, in turns: what slows the machine down slows all candidates alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Name = TypeVar("Name", bound=Hashable)

BLOCK = 20
"""Queries that a candidate answers before the next has its turn."""
WARM_UP = 5
"""Queries at the beginning of each turn that do not count: they bring weights back into the caches."""


@dataclass(frozen=True)
class Timing:
    """Seconds from a query to its answer."""

    p50: float
    p90: float
    p99: float
    best: float
    """The median over turns of the shortest answer in each: what is left when other work on the machine is
    discounted."""


def interleaved(candidates: Mapping[Name, Callable[[], object]], queries: int) -> dict[Name, Timing]:
    """The timing of each candidate by its name, over ``queries`` of it, rounded up to whole turns."""
    turns = -(-queries // BLOCK)
    seconds: dict[Name, list[list[float]]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(turns):
        # Another one begins each time, so that none always follows the same other.
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(_turn(candidates[name]))
    return {name: _timing(np.array(found)) for name, found in seconds.items()}


def _turn(ask: Callable[[], object]) -> list[float]:
    for _ in range(WARM_UP):
        ask()
    found = []
    for _ in range(BLOCK):
        start = time.perf_counter()
        ask()
        found.append(time.perf_counter() - start)
    return found


def _timing(seconds: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Timing:
    p50, p90, p99 = (float(value) for value in np.quantile(seconds, (0.5, 0.9, 0.99)))
    return Timing(p50, p90, p99, float(np.median(seconds.min(axis=1))))
