"""Distillation: the formula by hand, its gradient at high temperature, and what a teacher is left as."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from fedprune.compute.distillation import Lesson
from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.request import Step
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification

DISTIL = Classification().distil
MODEL = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})


def samples(count: int = 23) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(count, 1, 8, 8)).astype(np.float32))
    return x, torch.from_numpy(rng.integers(0, 10, count))


def test_two_classes_by_hand() -> None:
    """Teacher (2 ln 3, 0) at T = 2 says (3/4, 1/4), the student (0, 0) says (1/2, 1/2)."""
    by_hand = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    found = DISTIL(torch.zeros(1, 2), torch.tensor([[2 * math.log(3), 0.0]]), 2.0)
    assert float(found) == pytest.approx(4 * by_hand, rel=1e-5)


def test_it_is_the_mean_over_the_batch_and_zero_for_equal_outputs() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 5.0]])
    other = torch.tensor([[3.0, 2.0, 1.0], [0.0, 0.0, 5.0]])
    assert float(DISTIL(logits, logits, 3.0)) == pytest.approx(0.0, abs=1e-6)
    alone = DISTIL(logits[:1], other[:1], 3.0)
    assert float(DISTIL(logits, other, 3.0)) == pytest.approx(float(alone) / 2, rel=1e-5)


def test_at_high_temperature_the_gradient_is_that_of_matching_centred_logits() -> None:
    """Hinton et al., section 2.1: (z - v) / (N T^2) for centred logits, so with T^2 it does not vanish."""
    student = torch.tensor([[0.3, -0.1, -0.2]], requires_grad=True)
    teacher = torch.tensor([[-0.4, 0.5, -0.1]])
    DISTIL(student, teacher, 100.0).backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    torch.testing.assert_close(student.grad, (student.detach() - teacher) / 3, rtol=0.02, atol=1e-3)


def test_training_descends_the_mixed_loss_and_leaves_the_teacher_as_it_is() -> None:
    x, y = samples()
    teacher = LocalModel(MODEL, MODEL.initial_weights(1), Mask(), Classification())
    before = teacher.weights()
    student, other = (LocalModel(MODEL, MODEL.initial_weights(0), Mask(), Classification()) for _ in range(2))
    lesson, step, order = Lesson(teacher.module, 0.3, 2.0), Step(10, 0.05, SGD(0.5)), torch.arange(23).flip(0)

    def by_hand(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        teacher.module.eval()
        logits = model.module(x)
        target = (teacher.module(x).detach() / 2).softmax(1)
        soft = (target * (target.log() - (logits / 2).log_softmax(1))).sum(1).mean()
        return 0.7 * cross_entropy(logits, y) + 0.3 * 4 * soft

    taught, alike = Loop(student, x, y, step, lesson=lesson), Loop(other, x, y, step, by_hand)
    for _ in range(2):
        assert taught.epoch(order) == pytest.approx(alike.epoch(order), rel=1e-5)
    torch.testing.assert_close(student.flat, other.flat, rtol=1e-4, atol=1e-5)
    assert all(np.array_equal(before[name], value) for name, value in teacher.weights().items())
    assert all(
        parameter.grad is None or not parameter.grad.any() for parameter in teacher.module.parameters()
    )


def test_the_teacher_sees_the_images_that_the_student_sees() -> None:
    x, y = samples()
    seen: list[torch.Tensor] = []

    class Watching(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return torch.zeros(len(x), 10)

    student = LocalModel(MODEL, MODEL.initial_weights(0), Mask(), Classification())
    epochs = iter((1.0, 2.0))
    trainer = Loop(
        student, x, y, Step(10, 0.05, SGD(0.5)), lesson=Lesson(Watching(), 0.5, 2.0),
        augment=lambda x: x + next(epochs),
    )  # fmt: skip
    order = torch.arange(23).flip(0)
    trainer.epoch(order)
    trainer.epoch(order)
    assert torch.equal(torch.cat(seen), torch.cat([x[order] + 1, x[order] + 2]))
