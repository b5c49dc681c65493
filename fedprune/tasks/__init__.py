"""Tasks: what is learned, one per file: the loss, the score with its direction, the size of the output.

A task is a frozen dataclass in one file under ``tasks/``; its fields are the keys of ``[task]`` in a
scenario. Models, strategies, evaluation and reports ask it, and know of no task themselves. torch is imported
inside the methods that compute, so that reading a scenario does not load it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from fedprune import plugins
from fedprune.score import Score as Score
from fedprune.types import Array, UserError

if TYPE_CHECKING:
    import torch

    from fedprune.data.schema import Targets


class TaskError(UserError):
    """A data set whose targets are not what a task learns."""


@dataclass(frozen=True)
class Task:
    """What every task answers. ``outputs`` below are a model's for a batch, ``targets`` the data's.

    Both are torch tensors on one device; targets have the data set's dtype (int64 labels, bool, or float32)
    and the shape (n, *shape of one target).
    """

    def outputs(self, targets: Targets) -> int:
        """The size of a model's output for one sample (for one token, where a target is a sequence).

        Args:
            targets: what the data set says of its targets.

        Raises:
            TaskError: the targets are not of the kind that this task learns; the message says what they
                should be.
        """
        raise NotImplementedError

    def per_position(self, targets: Targets) -> bool:
        """Whether a model answers at each position of a sample, so that outputs are (n, length, size)."""
        return False

    def score(self, targets: Targets) -> Score:
        """What this task's score is called, its unit, and whether higher is better."""
        raise NotImplementedError

    def fitted(self, train_y: Array) -> Self:
        """This task once the targets of all training samples are known; most tasks need nothing of them."""
        return self

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """What training minimises: the mean over the batch, a scalar with a graph, never negative."""
        raise NotImplementedError

    def scored(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        """The score of a batch as a sum and the number of answers in it, so that batches add up.

        Returns:
            The sum over all answers (an integer where answers are counted, so that no order of batches
            changes a bit), and how many answers there are, at least one.
        """
        raise NotImplementedError

    def distil(self, student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        """How far a student's outputs are from a teacher's: a scalar with a graph, mean over the batch.

        Args:
            student: outputs with a graph.
            teacher: outputs of the same shape for the same samples, constants.
            temperature: what both are divided by first, where outputs are logits.
        """
        raise NotImplementedError

    def chance(self, train_y: Array) -> float:
        """The score on ``train_y`` (N, ...) of the best answer that ignores the input."""
        raise NotImplementedError


def task_class(name: str) -> type[Task]:
    """The class of the task ``name``. Raises UnknownPluginError when there is none."""
    found: type[Task] = plugins.dataclass_of("tasks", name)
    return found


def make_task(name: str, options: Mapping[str, Any], targets: Targets, train_y: Array) -> Task:
    """The task ``name`` with these options, fitted to the training targets.

    Raises TaskError, naming the task, when the data set's targets are not for it.
    """
    task = task_class(name)(**options)
    task.outputs(targets)
    return task.fitted(train_y)
