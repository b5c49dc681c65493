"""What every task promises: losses without negatives, scores that add up, chance as its own data say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fedprune import plugins
from fedprune.data.schema import Targets
from fedprune.tasks import Task, TaskError, make_task
from fedprune.types import Array

RNG = np.random.default_rng(0)
N = 40

DATA: dict[str, tuple[Targets, Array]] = {
    "classification": (Targets(classes=4), RNG.integers(0, 4, N)),
    "multi_label": (Targets((3,), "float32"), (RNG.random((N, 3)) < 0.3).astype(np.float32)),
    "regression": (Targets(dtype="float32", unit="mm Hg"), RNG.normal(120, 15, N).astype(np.float32)),
    "next_token": (Targets((5,), classes=6), RNG.integers(0, 6, (N, 5))),
}
"""Task -> targets that it is for. A task of one's own is held to the contract by its own data."""


def made(name: str, **options: Any) -> tuple[Task, torch.Tensor, torch.Tensor]:
    """The task, made-up outputs for all samples, and the targets."""
    targets, y = DATA[name]
    task = make_task(name, options, targets, y)
    shape = (N, *targets.shape[:1]) if task.per_position(targets) else (N,)
    outputs = torch.from_numpy(RNG.normal(size=(*shape, task.outputs(targets))).astype(np.float32))
    return task, outputs, torch.from_numpy(y)


def test_every_bundled_task_is_held_to_this() -> None:
    assert plugins.names("tasks") == sorted(DATA)


@pytest.mark.parametrize("name", DATA)
def test_a_loss_is_the_mean_over_the_batch_and_descends_to_better_outputs(name: str) -> None:
    task, outputs, y = made(name)
    whole = task.loss(outputs, y)
    halves = [task.loss(outputs[:20], y[:20]), task.loss(outputs[20:], y[20:])]
    torch.testing.assert_close(whole, torch.stack(halves).mean())
    assert float(whole) >= 0
    moved = outputs.clone().requires_grad_()
    for _ in range(200):
        (gradient,) = torch.autograd.grad(task.loss(moved, y) * N, moved)
        moved = (moved - 0.5 * gradient).detach().requires_grad_()
    score, before = task.score(DATA[name][0]), task.scored(outputs, y)
    after = task.scored(moved.detach(), y)
    assert score.better(after[0] / after[1], before[0] / before[1])


@pytest.mark.parametrize("name", DATA)
def test_scores_of_batches_add_up(name: str) -> None:
    task, outputs, y = made(name)
    parts = [task.scored(outputs[at : at + 7], y[at : at + 7]) for at in range(0, N, 7)]
    total, count = task.scored(outputs, y)
    assert sum(part for part, _ in parts) == pytest.approx(total)
    assert sum(answers for _, answers in parts) == count


@pytest.mark.parametrize("name", DATA)
def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(name: str) -> None:
    task, outputs, _ = made(name)
    assert float(task.distil(outputs, outputs, 3.0)) == pytest.approx(0.0, abs=1e-6)
    student = (outputs + 1.0 * torch.arange(outputs.shape[-1]) + 1).requires_grad_()
    apart = task.distil(student, outputs, 3.0)
    assert apart.item() > 0
    (gradient,) = torch.autograd.grad(apart, student)
    nearer = task.distil((student - 0.1 * gradient).detach(), outputs, 3.0)
    assert nearer.item() < apart.item()


@pytest.mark.parametrize("name", DATA)
def test_targets_of_another_kind_are_refused_by_name(name: str) -> None:
    other = Targets((2, 2), "float32")
    with pytest.raises(TaskError, match=f"task '{name}' needs"):
        make_task(name, {}, other, np.zeros((3, 2, 2), np.float32))


def test_chance_is_the_best_answer_that_ignores_the_input() -> None:
    by_hand = {
        "classification": ([0, 0, 0, 2], 0.75),
        "multi_label": ([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], (0.75 + 0.5) / 2),
        "regression": ([1.0, 2.0, 9.0], 8 / 3),
        "next_token": ([[0, 1], [1, 1]], 0.75),
    }
    for name, (y, chance) in by_hand.items():
        assert plugins.dataclass_of("tasks", name)().chance(np.array(y)) == pytest.approx(chance)


def test_regression_learns_in_deviations_and_scores_in_the_targets_unit() -> None:
    task, _, y = made("regression")
    always_mean = torch.zeros(N, 1)
    assert float(task.loss(always_mean, y)) == pytest.approx(1.0, rel=1e-4)
    total, count = task.scored(always_mean, y)
    assert total / count == pytest.approx(float((y - y.mean()).abs().mean()), rel=1e-4)
    given, _, _ = made("regression", mean=(100.0,), std=(10.0,))
    assert float(given.loss(torch.tensor([[1.0]]), torch.tensor([110.0]))) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(TaskError, match="mean holds 2 numbers, a target 1"):
        made("regression", mean=(1.0, 2.0))
