"""Distillation: a student learns from labels and from a teacher's softened outputs.

"Distilling the Knowledge in a Neural Network", Geoffrey Hinton, Oriol Vinyals, Jeff Dean, 2015,
https://arxiv.org/abs/1503.02531, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from fedprune.compute.evaluate import BATCH


def distillation(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float
) -> torch.Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)) in nats: a scalar, mean over the batch.

    Both float32 (n, classes). Gradients of softened outputs shrink with 1 / T^2; the factor T^2 makes up for
    it, so that the balance with cross-entropy does not move with the temperature.
    """
    student, teacher = (log_softmax(logits / temperature, 1) for logits in (student_logits, teacher_logits))
    return kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


@dataclass(frozen=True)
class Lesson:
    """A loss of (1 - alpha) cross-entropy + alpha ``distillation`` from ``teacher``, which stays as it is."""

    teacher: nn.Module
    alpha: float
    temperature: float

    def targets(self, x: torch.Tensor) -> torch.Tensor:
        """The teacher's logits (n, classes) of samples (n, C, H, W), in evaluation mode, without a graph."""
        self.teacher.eval()
        # no_grad and not inference_mode: the student's graph refers to these tensors.
        with torch.no_grad():
            return torch.cat([self.teacher(x[at : at + BATCH]) for at in range(0, len(x), BATCH)])

    def loss(self, logits: torch.Tensor, y: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean over a batch, a scalar with a graph, of the student's ``logits``, labels, teacher's logits."""
        taught = distillation(logits, targets, self.temperature)
        return (1 - self.alpha) * cross_entropy(logits, y) + self.alpha * taught
