"""The score of a module on tensors in memory."""

from __future__ import annotations

import torch
from torch import nn

from fedprune.tasks import Task

BATCH = 500


def scored(module: nn.Module, task: Task, x: torch.Tensor, y: torch.Tensor) -> tuple[float, int]:
    """The task's score of ``module`` on samples ``x`` (n, ...) with targets ``y`` (n, ...).

    Returns:
        The sum over all answers and how many there are, so that parts of a large set add up.
    """
    module.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(y), BATCH):
            batch = slice(start, start + BATCH)
            part, answers = task.scored(module(x[batch]), y[batch])
            total += part
            count += answers
    return total, count


def score(module: nn.Module, task: Task, x: torch.Tensor, y: torch.Tensor) -> float:
    """The mean of ``scored`` over all answers; NaN-free: needs at least one sample."""
    total, count = scored(module, task, x, y)
    return total / count
