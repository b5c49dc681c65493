"""One value or several for each sample: squared error; mean absolute error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Self

import numpy as np

from fedprune.tasks import Score, Task, TaskError
from fedprune.types import Array

if TYPE_CHECKING:
    import torch

    from fedprune.data.schema import Targets


@dataclass(frozen=True)
class Regression(Task):
    """Outputs are in standard deviations from the mean target, so that learning rates suit any unit.

    The loss is the squared error in that scale, where always guessing the mean has a loss of about 1. The
    score is the absolute error in the targets' own unit, mean over samples and over the values of a target.
    Chance: always the median. Targets are float32 of shape (n,) or (n, values), outputs (n, values).
    """

    mean: tuple[float, ...] = ()
    """For each value what an output of 0 stands for; the mean of all training targets unless given."""
    std: tuple[float, ...] = ()
    """For each value what an output of 1 adds to it; their population standard deviation unless given."""

    def __post_init__(self) -> None:
        if not all(std > 0 for std in self.std):
            raise ValueError(f"std: must be greater than 0, got {list(self.std)}")

    def outputs(self, targets: Targets) -> int:
        size = prod(targets.shape)
        if targets.classes is not None or len(targets.shape) > 1:
            raise TaskError("task 'regression' needs one number a sample, or several, and no labels")
        for name in ("mean", "std"):
            if (given := len(getattr(self, name))) not in (0, size):
                raise TaskError(f"task 'regression': {name} holds {given} numbers, a target {size}")
        return size

    def fitted(self, train_y: Array) -> Self:
        values = train_y.reshape(len(train_y), -1).astype(np.float64)
        # A value that never varies has nothing to be measured in.
        spread = np.where(values.std(0) > 0, values.std(0), 1.0)
        mean, std = self.mean or tuple(values.mean(0).tolist()), self.std or tuple(spread.tolist())
        return replace(self, mean=mean, std=std)

    def score(self, targets: Targets) -> Score:
        return Score("mean absolute error", targets.unit, higher_is_better=False)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean squared error in standard deviations."""
        from torch.nn.functional import mse_loss

        mean, std = (outputs.new_tensor(numbers) for numbers in (self.mean, self.std))
        return mse_loss(outputs, (targets.reshape(outputs.shape) - mean) / std)

    def scored(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        mean, std = (outputs.new_tensor(numbers) for numbers in (self.mean, self.std))
        errors = (outputs * std + mean - targets.reshape(outputs.shape)).abs()
        return float(errors.double().sum()), errors.numel()

    def distil(self, student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        """The mean squared error to the teacher's values; there is nothing for a temperature to soften."""
        from torch.nn.functional import mse_loss

        return mse_loss(student, teacher)

    def chance(self, train_y: Array) -> float:
        values = train_y.astype(np.float64)
        return float(np.abs(values - np.median(values, axis=0)).mean())
