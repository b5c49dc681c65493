"""One of several classes for each sample: cross-entropy; accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.tasks import Score, Task, TaskError
from fedprune.types import Array

if TYPE_CHECKING:
    import torch

    from fedprune.data.schema import Targets


@dataclass(frozen=True)
class Classification(Task):
    """Outputs are logits (n, classes), targets labels (n,) from 0 on. Chance: always the commonest class."""

    def outputs(self, targets: Targets) -> int:
        if targets.classes is None or targets.shape != ():
            raise TaskError("task 'classification' needs one label a sample, from 0 to the number of classes")
        return targets.classes

    def score(self, targets: Targets) -> Score:
        return Score("accuracy", percent=True)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy in nats."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, targets)

    def scored(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        return int((outputs.argmax(1) == targets).sum()), len(targets)

    def distil(self, student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        """T^2 KL(softmax(teacher / T) || softmax(student / T)) in nats (Hinton, Vinyals, Dean, 2015).

        Gradients of softened outputs shrink with 1 / T^2; the factor T^2 makes up for it, so that the balance
        with cross-entropy does not move with the temperature.
        """
        from torch.nn.functional import kl_div, log_softmax

        logs = [log_softmax(logits / temperature, 1) for logits in (student, teacher)]
        return kl_div(logs[0], logs[1], reduction="batchmean", log_target=True) * temperature**2

    def chance(self, train_y: Array) -> float:
        return float(np.bincount(train_y).max() / len(train_y))
