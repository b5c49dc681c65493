"""Distillation: a student learns from its task's targets and from a teacher's outputs.

"Distilling the Knowledge in a Neural Network", Geoffrey Hinton, Oriol Vinyals, Jeff Dean, 2015,
https://arxiv.org/abs/1503.02531, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from fedprune.compute.evaluate import BATCH
from fedprune.tasks import Task


@dataclass(frozen=True)
class Lesson:
    """A loss of (1 - alpha) the task's + alpha its distillation from ``teacher``, which stays as it is."""

    teacher: nn.Module
    alpha: float
    temperature: float

    def answers(self, x: torch.Tensor) -> torch.Tensor:
        """The teacher's outputs (n, ...) for samples (n, ...), in evaluation mode, without a graph."""
        self.teacher.eval()
        # no_grad and not inference_mode: the student's graph refers to these tensors.
        with torch.no_grad():
            return torch.cat([self.teacher(x[at : at + BATCH]) for at in range(0, len(x), BATCH)])

    def loss(self, task: Task, outputs: torch.Tensor, y: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """Mean over a batch, a scalar with a graph.

        Args:
            task: what the student learns.
            outputs: the student's, with a graph.
            y: the batch's targets.
            answers: the teacher's outputs for the batch.
        """
        taught = task.distil(outputs, answers, self.temperature)
        return (1 - self.alpha) * task.loss(outputs, y) + self.alpha * taught
