"""Results of two runs side by side, paired by client; of two groups of runs, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fedprune.estimate import LEVEL, Estimate, estimate
from fedprune.runs.frames import RunData
from fedprune.score import Score

MEGA = 1e6

SCORES = (
    ("", "test_score_personal"),
    ("received", "test_score_received"),
    ("trained", "test_score_trained"),
)
"""Scores of a client: what is said beside the score's name, and the field."""

SPENT = (
    ("density %", "density", 100.0, 1),
    ("M multiply-adds", "multiply_adds", 1 / MEGA, 3),
    ("MB up", "bytes_up_total", 1 / MEGA, 2),
    ("MB down", "bytes_down_total", 1 / MEGA, 2),
    ("seconds", "seconds_total", 1.0, 1),
)
"""Further results: title, field, factor, digits."""


@dataclass(frozen=True)
class Line:
    """One result of both sides, as people are shown it.

    ``difference`` is the second less the first, paired, with its interval over ``n`` clients or seeds; None
    where nothing can be paired.
    """

    title: str
    digits: int
    first: float
    second: float
    difference: Estimate | None
    better: Callable[[float, float], bool] | None = None
    """Whether a value is better than another; None where no way is better."""

    @property
    def shift(self) -> float:
        """The second less the first: the mean of the pairs, or of the means where nothing is paired."""
        return self.second - self.first if self.difference is None else self.difference.mean

    @property
    def verdict(self) -> str:
        """Which side is better or has more, or that they are level; nothing where that cannot be told."""
        found = self.difference
        if found is None or (found.n == 1 and found.mean):
            return ""
        if found.level:
            return LEVEL
        if self.better is None:
            return "more" if found.mean > 0 else "less"
        return "better" if self.better(found.mean, 0.0) else "worse"


def by_client(first: RunData, second: RunData, score: Score) -> list[Line]:
    """The scores of two runs, paired by client; and what they spent, which has no pairs.

    Clients that only one of the runs evaluated are left out, and all where the clients of the two runs hold
    different samples.
    """
    same = first.partition.get("hash") == second.partition.get("hash")
    scores = []
    for what, name in SCORES:
        values = [dict(run.final.select("client", name).drop_nulls().iter_rows()) for run in (first, second)]
        shared = sorted(values[0].keys() & values[1].keys()) if same else []
        paired = estimate([score.factor * (values[1][client] - values[0][client]) for client in shared])
        means = [run.summary.get(name) for run in (first, second)]
        known = [score.factor * mean for mean in means if mean is not None]
        if len(known) == 2:
            scores.append(_scored(score, what, (known[0], known[1]), paired))
    return [*scores, *_spent([(first, second)])]


def by_seed(pairs: Sequence[tuple[RunData, RunData]], score: Score) -> list[Line]:
    """The results of two groups of runs, each pair of one seed, with intervals over seeds."""
    scores = [
        _scored(score, what, means, paired)
        for what, name in SCORES
        if (found := _over_seeds(pairs, name, score.factor))
        for means, paired in [found]
    ]
    return [*scores, *_spent(pairs)]


def _spent(pairs: Sequence[tuple[RunData, RunData]]) -> list[Line]:
    return [
        Line(title, digits, *means, paired)
        for title, name, factor, digits in SPENT
        if (found := _over_seeds(pairs, name, factor))
        for means, paired in [found]
    ]


def _over_seeds(
    pairs: Sequence[tuple[RunData, RunData]], name: str, factor: float
) -> tuple[tuple[float, float], Estimate | None] | None:
    """The means of both sides and their paired difference; None where a run lacks the field."""
    values = [(first.summary.get(name), second.summary.get(name)) for first, second in pairs]
    scaled = [
        (factor * first, factor * second)
        for first, second in values
        if first is not None and second is not None
    ]
    if len(scaled) < len(pairs):
        return None
    first, second = (math.fsum(side) / len(pairs) for side in zip(*scaled, strict=True))
    return (first, second), estimate([after - before for before, after in scaled])


def _scored(score: Score, what: str, means: tuple[float, float], paired: Estimate | None) -> Line:
    return Line(score.with_unit(f"{score.name} {what}".strip()), score.digits, *means, paired, score.better)
