"""Early stopping on the score on validation data: of a client's epochs, or of a run's rounds."""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.compute.evaluate import score
from fedprune.compute.model import LocalModel
from fedprune.compute.request import Stopping
from fedprune.score import Score


def best(score: Score, values: Sequence[float | None]) -> int | None:
    """The index of the best value, of equal ones the first; None stands for one not measured."""
    measured = [value for value in values if value is not None]
    return values.index(score.best(measured)) if measured else None


def out_of_patience(score: Score, values: Sequence[float | None], patience: int) -> bool:
    """Whether the last ``patience`` of them brought nothing better than what came before them."""
    index = best(score, values)
    return index is not None and len(values) - 1 - index >= patience


class Watch:
    """Looks at a training's score on validation data after each epoch."""

    def __init__(self, stopping: Stopping) -> None:
        self._stopping = stopping
        self._values: list[float] = []

    def is_best(self, model: LocalModel) -> bool:
        """Note one more epoch, after which the model is as given; whether none before it was as good."""
        self._values.append(score(model.module, model.task, *self._stopping.samples))
        return best(self._stopping.score, self._values) == len(self._values) - 1

    @property
    def is_over(self) -> bool:
        """Whether training is out of patience."""
        return out_of_patience(self._stopping.score, self._values, self._stopping.patience)
