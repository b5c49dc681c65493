"""Early stopping on the score on validation data: of a client's epochs, or of a run's rounds."""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.score import Score
from fedprune.types import Arrays


def best(score: Score, values: Sequence[float | None]) -> int | None:
    """The index of the best value, of equal ones the first; None stands for one not measured."""
    measured = [value for value in values if value is not None]
    return values.index(score.best(measured)) if measured else None


def out_of_patience(score: Score, values: Sequence[float | None], patience: int) -> bool:
    """Whether the last ``patience`` of them brought nothing better than what came before them."""
    index = best(score, values)
    return index is not None and len(values) - 1 - index >= patience


class BestEpoch:
    """The weights of the epoch with the best score on validation data so far."""

    def __init__(self, score: Score, patience: int) -> None:
        self.weights: Arrays = {}
        self._score, self._patience = score, patience
        self._values: list[float] = []

    def ends(self, value: float, weights: Arrays) -> bool:
        """Note one more epoch; whether training is out of patience."""
        self._values.append(value)
        if best(self._score, self._values) == len(self._values) - 1:
            self.weights = weights
        return out_of_patience(self._score, self._values, self._patience)
