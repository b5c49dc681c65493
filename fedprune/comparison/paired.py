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
    ("simulated s", "simulated_seconds_total", 1.0, 1),
    ("simulated s to target", "simulated_seconds_to_target", 1.0, 1),
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
    runs = [(first, second)]
    scores = [
        _scored(score, what, means, _over_clients(first, second, name, score) if same else None)
        for what, name in SCORES
        if (found := _over_seeds(runs, name, score.factor))
        for means, _ in [found]
    ]
    if same and (sampled := _of_sampled(first, second, score)):
        scores.insert(1, sampled)
    return [*scores, *_spent(runs)]


def _over_clients(first: RunData, second: RunData, name: str, score: Score) -> Estimate | None:
    """The second's score less the first's, over the clients that both evaluated."""
    one, other = (dict(run.final.select("client", name).drop_nulls().iter_rows()) for run in (first, second))
    return estimate([score.factor * (other[client] - one[client]) for client in sorted(one.keys() & other)])


def _of_sampled(first: RunData, second: RunData, score: Score) -> Line | None:
    """The first score of the clients that took part in both runs; None where that is said of all of them.

    What a client is left with that never took part depends on the method, and may hide what others gain.
    """
    import polars as pl

    took_part = pl.col("rounds_accepted").fill_null(1) > 0
    one, other = (run.final.filter(took_part).select("client", SCORES[0][1]) for run in (first, second))
    both = one.join(other, on="client").drop_nulls()
    everybody = len(one) == first.final.height and len(other) == second.final.height
    if everybody or not both.height:
        return None
    before, after = (score.factor * both[name] for name in both.columns[1:])
    means = (math.fsum(before) / len(before), math.fsum(after) / len(after))
    return _scored(score, f"of {len(both)} sampled", means, estimate((after - before).to_list()))


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
