"""Several yes-or-no labels for each sample: binary cross-entropy; accuracy of a label."""

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
class MultiLabel(Task):
    """Outputs are logits (n, labels), targets 0 or 1 or bool (n, labels).

    Every label of every sample is one answer, right where the logit's sign says what the target says; so
    scores of batches add up, as those of a macro F1 would not. Chance: each label's commoner value.
    """

    def outputs(self, targets: Targets) -> int:
        if targets.classes is not None or len(targets.shape) != 1:
            raise TaskError("task 'multi_label' needs a row of zeros and ones for each sample")
        return targets.shape[0]

    def score(self, targets: Targets) -> Score:
        return Score("label accuracy", percent=True)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy in nats, mean over samples and labels."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype))

    def scored(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        return int(((outputs > 0) == (targets > 0)).sum()), targets.numel()

    def distil(self, student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        """T^2 times the binary KL divergence of each label at temperature T, in nats: the mean."""
        from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

        student, teacher = student / temperature, teacher / temperature
        said = teacher.sigmoid()
        return (cross_entropy(student, said) - cross_entropy(teacher, said)) * temperature**2

    def chance(self, train_y: Array) -> float:
        shares = (np.asarray(train_y) > 0).mean(axis=0)
        return float(np.maximum(shares, 1 - shares).mean())
