"""FedKD: a small student travels and is averaged, a teacher stays home, and each learns from the other.

Wu, Wu, Lyu, Huang, Xie: Communication-efficient Federated Learning via Knowledge Distillation, Nature
Communications 13, 2022, https://arxiv.org/abs/2108.13323. The scenario's ``[model]`` is the student. The less
the two models know (the sum of their losses), the less they listen to each other. Read against the authors'
code (github.com/wuch15/FedKD, ``model_bert.py`` and ``run.py``). Departures:

- What is reported is the student's score and cost. The paper's clients deploy their teachers, of another
  architecture than ``[model]``.
- No loss on hidden states and attention, which needs layers of two models that correspond.
- A Kullback-Leibler divergence is summed over classes, as it is defined, and averaged over samples; the
  published code averages over classes too, so that with 10 of them the models pull a tenth as hard there.
- Whole updates travel unless the scenario's codec says otherwise (``uplink.values = "low_rank"`` has a fixed
  share of the rank). The published code keeps singular values up to 95 % of their energy, 98 % at the end.
- The other model's output and the sum of losses count as constants in a gradient; the published code
  differentiates one sum of all losses through both, by Adam, with frozen embeddings.
- A teacher begins at its keyed initial weights. One like the student (the default) is the student's double
  until the first mean; the paper's are pre-trained and three times as deep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fedprune.strategy import Client, Strategy

if TYPE_CHECKING:
    import torch

    from fedprune.compute.model import LocalModel
    from fedprune.tasks import Task


@dataclass(frozen=True)
class FedKD(Strategy):
    """Algorithm 1 without compression; a client's state is its teacher's weights."""

    teacher: dict[str, Any] = field(default_factory=dict)
    """A ``[model]`` section, as in { name = "lenet5", width = 2.0 }; the same as the student if empty."""

    def __post_init__(self) -> None:
        if self.teacher and not isinstance(self.teacher.get("name"), str):
            raise ValueError("teacher: must name a model, as in { name = 'lenet5', width = 2.0 }")

    def train(self, client: Client) -> None:
        teacher = client.peer(self.teacher, client.state)
        teacher.model.module.train()

        def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            students, teachers = mutual(model.task, model.module(x), teacher.model.module(x), y)
            teacher.descend(teachers)
            return students

        client.weights = client.fit(client.weights, client.mask, loss=loss)
        client.state = teacher.model.weights()


def mutual(
    task: Task, student: torch.Tensor, teacher: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The losses of student and teacher, from their outputs and the targets ``y``: scalars with graphs.

    Each is the task's own loss and the task's distillation from the other's outputs (for labels the
    Kullback-Leibler divergence from the other's distribution), over the sum of both own losses.
    """
    own = task.loss(student, y), task.loss(teacher, y)
    # Two models that make no error at all would divide by zero.
    errors = (own[0] + own[1]).detach().clamp_min(1e-8)
    student_gap = task.distil(student, teacher.detach(), 1.0)
    teacher_gap = task.distil(teacher, student.detach(), 1.0)
    return own[0] + student_gap / errors, own[1] + teacher_gap / errors
