"""Which methods cannot be told apart: ties are called level."""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.estimate import LEVEL, Estimate, estimate
from fedprune.reports.findings import listed
from fedprune.reports.methods import Method
from fedprune.score import Score


def level_finding(methods: Sequence[Method], score: Score) -> str:
    """Who is best in the final evaluation, and who is level with it; empty without two methods.

    Two methods are level when the 95 % t-interval of their difference, paired by seed, holds 0. Where they
    share fewer than two seeds nothing can be said but that equal scores are level.
    """
    ended = [
        (method, reached.mean)
        for method in methods
        if method.score == score and (reached := method.result("test_score_personal"))
    ]
    if len(ended) < 2:
        return ""
    best, top = max(ended, key=lambda pair: score.sign * pair[1])
    others = [method for method, _ in ended if method is not best]
    apart = {method.label: difference(best, method) for method in others}
    level = [label for label, found in apart.items() if found is not None and found.level]
    told = score.with_unit(f"{score.factor * top:.{score.digits}f}")
    text = f"Best {score.name}: {best.label} with {told}"
    if level:
        text += (
            f"; {LEVEL} with it (their difference, paired by seed, cannot be told from 0): {listed(level)}"
        )
    single = [label for label, found in apart.items() if label not in level and (not found or found.n < 2)]
    if single:
        text += f"; one seed cannot tell whether it is better than {listed(single)} by more than chance"
    return f"{text}."


def difference(first: Method, second: Method) -> Estimate | None:
    """The first's final score less the second's, paired by seed; None where they share none."""
    ours, theirs = (
        {row["seed"]: row["test_score_personal"] for row in method.rows} for method in (first, second)
    )
    return estimate([ours[seed] - theirs[seed] for seed in ours if seed in theirs])
