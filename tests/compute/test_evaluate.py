"""Accuracy: the share of samples whose largest output is at their label."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fedprune.compute.evaluate import BATCH, accuracy


def test_accuracy_is_the_share_of_right_answers() -> None:
    outputs = torch.tensor([[3.0, 1.0], [0.0, 2.0], [5.0, 4.0], [1.0, 9.0]])
    assert accuracy(nn.Identity(), outputs, torch.tensor([0, 1, 1, 1])) == 0.75


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, 2 * BATCH + 1])
def test_every_sample_counts_once_whatever_the_batches(count: int) -> None:
    labels = torch.arange(count) % 3
    outputs = nn.functional.one_hot(labels, 3).float()
    assert accuracy(nn.Identity(), outputs, labels) == 1.0
    outputs[-1] = outputs[-1].roll(1)
    assert accuracy(nn.Identity(), outputs, labels) == (count - 1) / count


def test_evaluating_leaves_running_statistics_and_gradients_alone() -> None:
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 2))
    module.train()
    x = torch.arange(24, dtype=torch.float32).reshape(6, 1, 2, 2)
    accuracy(module, x, torch.zeros(6, dtype=torch.int64))
    norm = module[1]
    assert torch.equal(norm.running_mean, torch.zeros(4))
    assert all(parameter.grad is None for parameter in module.parameters())
