"""Accuracy: the share of samples whose largest output is at their label."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fedprune.compute.evaluate import BATCH, score, scored
from fedprune.tasks.classification import Classification

TASK = Classification()


def test_the_score_is_the_tasks_here_the_share_of_right_answers() -> None:
    outputs = torch.tensor([[3.0, 1.0], [0.0, 2.0], [5.0, 4.0], [1.0, 9.0]])
    assert score(nn.Identity(), TASK, outputs, torch.tensor([0, 1, 1, 1])) == 0.75


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, 2 * BATCH + 1])
def test_every_sample_counts_once_whatever_the_batches(count: int) -> None:
    labels = torch.arange(count) % 3
    outputs = nn.functional.one_hot(labels, 3).float()
    assert score(nn.Identity(), TASK, outputs, labels) == 1.0
    outputs[-1] = outputs[-1].roll(1)
    assert score(nn.Identity(), TASK, outputs, labels) == (count - 1) / count


def test_evaluating_leaves_running_statistics_and_gradients_alone() -> None:
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 2))
    module.train()
    x = torch.arange(24, dtype=torch.float32).reshape(6, 1, 2, 2)
    score(module, TASK, x, torch.zeros(6, dtype=torch.int64))
    norm = module[1]
    assert torch.equal(norm.running_mean, torch.zeros(4))
    assert all(parameter.grad is None for parameter in module.parameters())


def test_parts_of_a_set_add_up_to_the_whole() -> None:
    outputs, labels = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 4
    parts = [scored(nn.Identity(), TASK, outputs[at : at + 7], labels[at : at + 7]) for at in range(0, 30, 7)]
    whole = scored(nn.Identity(), TASK, outputs, labels)
    assert (sum(total for total, _ in parts), sum(count for _, count in parts)) == whole


class Views(nn.Module):
    """A convolution whose output it views as rows, which asks for the usual layout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).view(len(x), -1)


@pytest.mark.parametrize("module", [Views(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())])
def test_the_layout_that_samples_come_in_decides_no_answer(module: nn.Module) -> None:
    keyed = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=keyed)
    x = torch.randn(20, 3, 5, 5, generator=keyed)
    y = torch.arange(20) % 36
    found = score(module, TASK, x, y)
    assert score(module, TASK, x.contiguous(memory_format=torch.channels_last), y) == found
    with torch.inference_mode():
        assert found == int((module(x).argmax(1) == y).sum()) / 20
