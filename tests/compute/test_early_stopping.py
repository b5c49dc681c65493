"""Early stopping: when patience ends, and which value is the best."""

from __future__ import annotations

import pytest

from fedprune.compute.early_stopping import best, out_of_patience
from fedprune.score import Score

ACCURACY, ERROR = Score("accuracy", percent=True), Score("error", higher_is_better=False)


@pytest.mark.parametrize(
    ("score", "values", "index"),
    [
        (ACCURACY, [], None),
        (ACCURACY, [None], None),
        (ACCURACY, [0.1, 0.5, 0.5], 1),
        (ACCURACY, [None, 0.2, None, 0.1], 1),
        (ERROR, [0.5, 0.1, 0.1], 1),
        (ERROR, [None, 0.2, None, 0.1], 3),
    ],
)
def test_the_best_is_the_first_of_the_highest_or_of_the_lowest_error(
    score: Score, values: list[float | None], index: int | None
) -> None:
    assert best(score, values) == index


@pytest.mark.parametrize(
    ("values", "over"),
    [
        ([], False),
        ([None, None, None], False),
        ([0.5, 0.4], False),
        ([0.5, 0.4, 0.5], True),
        ([0.5, None, None], True),
        ([0.5, 0.4, 0.6], False),
    ],
)
def test_patience_of_two_ends_when_two_brought_nothing_better(values: list[float | None], over: bool) -> None:
    assert out_of_patience(ACCURACY, values, 2) is over


def test_an_error_is_out_of_patience_when_nothing_lower_came() -> None:
    assert out_of_patience(ERROR, [0.5, 0.6, 0.5], 2)
    assert not out_of_patience(ERROR, [0.5, 0.6, 0.4], 2)
