"""Early stopping on validation accuracy: of a client's epochs, or of a run's rounds."""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.types import Arrays


def best(accuracies: Sequence[float | None]) -> int | None:
    """The index of the highest accuracy, of equal ones the first; None stands for one not measured."""
    measured = [accuracy for accuracy in accuracies if accuracy is not None]
    return accuracies.index(max(measured)) if measured else None


def out_of_patience(accuracies: Sequence[float | None], patience: int) -> bool:
    """Whether the last ``patience`` of them brought nothing better than what came before them."""
    index = best(accuracies)
    return index is not None and len(accuracies) - 1 - index >= patience


class BestEpoch:
    """The weights of the epoch with the best validation accuracy so far."""

    def __init__(self, patience: int) -> None:
        self.weights: Arrays = {}
        self._patience = patience
        self._accuracies: list[float] = []

    def ends(self, accuracy: float, weights: Arrays) -> bool:
        """Note one more epoch; whether training is out of patience."""
        self._accuracies.append(accuracy)
        if best(self._accuracies) == len(self._accuracies) - 1:
            self.weights = weights
        return out_of_patience(self._accuracies, self._patience)
