"""FedKD: both losses by hand, whom a gradient reaches, and that the teacher stays where it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fedprune import plugins, simulate
from fedprune.models import architecture
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.scenario.errors import ScenarioError
from fedprune.tasks.classification import Classification

fedkd: Any = plugins.load("strategies", "fedkd")

TASK = Classification()

# Distributions (1/2, 1/2) and (3/4, 1/4); the label is the first class.
STUDENT, TEACHER, LABEL = [[0.0, 0.0]], [[math.log(3), 0.0]], [0]
STUDENT_ERROR, TEACHER_ERROR = math.log(2), math.log(4 / 3)
TEACHER_FROM_STUDENT = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
STUDENT_FROM_TEACHER = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)


def test_each_loss_is_the_own_error_and_the_divergence_over_both_errors() -> None:
    student, teacher = fedkd.mutual(TASK, torch.tensor(STUDENT), torch.tensor(TEACHER), torch.tensor(LABEL))
    errors = STUDENT_ERROR + TEACHER_ERROR
    assert float(student) == pytest.approx(STUDENT_ERROR + TEACHER_FROM_STUDENT / errors, rel=1e-5)
    assert float(teacher) == pytest.approx(TEACHER_ERROR + STUDENT_FROM_TEACHER / errors, rel=1e-5)


def test_losses_are_means_over_samples() -> None:
    one = fedkd.mutual(TASK, torch.tensor(STUDENT), torch.tensor(TEACHER), torch.tensor(LABEL))
    twice = fedkd.mutual(TASK, torch.tensor(STUDENT * 2), torch.tensor(TEACHER * 2), torch.tensor(LABEL * 2))
    torch.testing.assert_close(one, twice)


def test_a_gradient_reaches_its_own_model_only_and_takes_the_errors_as_they_are() -> None:
    logits = {0: torch.tensor(STUDENT, requires_grad=True), 1: torch.tensor(TEACHER, requires_grad=True)}
    losses = fedkd.mutual(TASK, logits[0], logits[1], torch.tensor(LABEL))
    distributions, errors = ([0.5, 0.5], [0.75, 0.25]), STUDENT_ERROR + TEACHER_ERROR
    for mine, other in ((0, 1), (1, 0)):
        own, others = torch.autograd.grad(
            losses[mine], [logits[mine], logits[other]], allow_unused=True, retain_graph=True
        )
        assert others is None
        # Of both cross-entropy and divergence: own distribution less the aimed one.
        p, q = np.array(distributions[mine]), np.array(distributions[other])
        np.testing.assert_allclose(own[0], p - [1, 0] + (p - q) / errors, rtol=1e-5)


def test_two_models_without_error_do_not_divide_by_zero() -> None:
    sure = torch.tensor([[200.0, 0.0]])
    assert [float(loss) for loss in fedkd.mutual(TASK, sure, sure, torch.tensor(LABEL))] == [0, 0]


def scenario(strategy: dict[str, Any]) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "mlp"},
            "train": {"epochs": 1, "lr": 0.05},
            "strategy": strategy,
            "engine": {"name": "in_process"},
        }
    )


def test_a_larger_teacher_learns_and_stays_with_its_client(tmp_path: Path) -> None:
    teacher = {"name": "digits_cnn", "width": 0.5}
    (result,) = simulate.run(scenario({"name": "fedkd", "teacher": teacher}), out=tmp_path / "fedkd")
    (alone,) = simulate.run(scenario({"name": "fedavg"}), out=tmp_path / "fedavg")
    for key in ("bytes_up_values", "bytes_down_values", "bytes_up_mask"):
        mine, theirs = (read_lines(run.folder / "clients.jsonl") for run in (result, alone))
        assert [record[key] for record in mine] == [record[key] for record in theirs]
    made = architecture("digits_cnn", (1, 8, 8), 10, {"width": 0.5})
    folder, teachers = RunFolder.open(result.folder), []
    for client in (0, 1):
        kept = folder.client_state.load(client, 2)
        assert {name.removeprefix("state:"): value.shape for name, value in kept.items()} == made.shapes
        teachers.append(kept["state:fc1.weight"])
        assert not np.array_equal(teachers[-1], made.initial_weights(0)["fc1.weight"])
        assert not np.array_equal(teachers[-1], folder.client_state.load(client, 1)["state:fc1.weight"])
    assert not np.array_equal(*teachers)


def test_a_teacher_without_a_name_is_one_clear_line() -> None:
    with pytest.raises(ScenarioError, match=r"teacher.*must name a model"):
        scenario({"name": "fedkd", "teacher": {"width": 2.0}})
