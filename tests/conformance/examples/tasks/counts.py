"""How many events there were: Poisson loss; mean absolute error in events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from fedprune.data.schema import Targets
from fedprune.tasks import Score, Task, TaskError
from fedprune.types import Array


@dataclass(frozen=True)
class Counts(Task):
    """Outputs (n, 1) are logarithms of the events to expect, targets their counts (n,)."""

    def outputs(self, targets: Targets) -> int:
        if targets.classes is not None or targets.shape:
            raise TaskError("task 'counts' needs one count a sample")
        return 1

    def score(self, targets: Targets) -> Score:
        return Score("mean absolute error", "events", higher_is_better=False)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        counts = targets.reshape(outputs.shape)
        return (outputs.exp() - counts * outputs + counts.xlogy(counts) - counts).mean()

    def scored(self, outputs: Tensor, targets: Tensor) -> tuple[float, int]:
        return float((outputs.exp().flatten() - targets).abs().double().sum()), len(targets)

    def distil(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        return (student - teacher).square().mean()

    def chance(self, train_y: Array) -> float:
        return float(np.abs(train_y - np.median(train_y)).mean())
