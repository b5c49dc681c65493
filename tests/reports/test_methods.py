"""Methods beside each other: which of them nothing beats."""

from __future__ import annotations

from fedprune.reports.methods import pareto

from .synthetic import ACCURACY


def test_the_front_keeps_what_nothing_beats_in_both() -> None:
    points = [("a", 1.0, 80.0), ("b", 2.0, 79.0), ("c", 3.0, 85.0), ("d", 3.0, 84.0), ("e", 9.0, 85.0)]
    assert [label for label, _, _ in pareto(points, ACCURACY)] == ["a", "c"]
