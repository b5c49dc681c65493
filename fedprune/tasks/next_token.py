"""The token that comes next, at each position of a text or after it: cross-entropy; accuracy of a token."""

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
class NextToken(Task):
    """Outputs are logits (n, length, vocabulary) and targets token ids (n, length), or both without length.

    Every token is one answer. Chance: always the commonest token.
    """

    def outputs(self, targets: Targets) -> int:
        if targets.classes is None or len(targets.shape) > 1:
            raise TaskError("task 'next_token' needs one token id a sample, or one at each of its positions")
        return targets.classes

    def per_position(self, targets: Targets) -> bool:
        return targets.shape != ()

    def score(self, targets: Targets) -> Score:
        return Score("token accuracy", percent=True)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy in nats, mean over all tokens of the batch."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs.flatten(0, -2), targets.flatten())

    def scored(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        return int((outputs.argmax(-1) == targets).sum()), targets.numel()

    def distil(self, student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        """T^2 KL(softmax(teacher / T) || softmax(student / T)) in nats, mean over all tokens."""
        from torch.nn.functional import kl_div, log_softmax

        logs = [log_softmax(logits.flatten(0, -2) / temperature, 1) for logits in (student, teacher)]
        return kl_div(logs[0], logs[1], reduction="batchmean", log_target=True) * temperature**2

    def chance(self, train_y: Array) -> float:
        return float(np.bincount(np.ravel(train_y)).max() / np.size(train_y))
