"""Early stopping: when patience ends, and which epoch's weights are kept."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.compute.early_stopping import BestEpoch, best, out_of_patience


@pytest.mark.parametrize(
    ("accuracies", "index"), [([], None), ([None], None), ([0.1, 0.5, 0.5], 1), ([None, 0.2, None, 0.1], 1)]
)
def test_the_best_is_the_first_of_the_highest(accuracies: list[float | None], index: int | None) -> None:
    assert best(accuracies) == index


@pytest.mark.parametrize(
    ("accuracies", "over"),
    [
        ([], False),
        ([None, None, None], False),
        ([0.5, 0.4], False),
        ([0.5, 0.4, 0.5], True),
        ([0.5, None, None], True),
        ([0.5, 0.4, 0.6], False),
    ],
)
def test_patience_of_two_ends_when_two_brought_nothing_better(
    accuracies: list[float | None], over: bool
) -> None:
    assert out_of_patience(accuracies, 2) is over


def test_the_best_epochs_weights_are_kept() -> None:
    watched = BestEpoch(patience=2)
    weights = [{"w": np.array([float(epoch)])} for epoch in range(4)]
    ends = [watched.ends(accuracy, own) for accuracy, own in zip((0.3, 0.6, 0.6, 0.5), weights, strict=True)]
    assert ends == [False, False, False, True]
    assert watched.weights is weights[1]
