"""Which residual blocks a network can do without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fedprune.models import architecture
from fedprune.models.groups import channel_groups
from fedprune.pruning.blocks import residual_blocks
from fedprune.pruning.cost import cost_under
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask


def test_every_block_of_a_residual_net_can_go() -> None:
    made = architecture("resnet20", (1, 8, 8), 4, {"width": 0.25})
    names = [[group.name for group in block] for block in residual_blocks(made.groups)]
    assert names == [[f"stage{stage}block{block}.conv1"] for stage in (1, 2, 3) for block in (1, 2, 3)]


@pytest.mark.parametrize(
    ("model", "options"), [("digits_cnn", {"batch_norm": True}), ("mlp", {}), ("vgg11", {})]
)
def test_a_net_without_shortcuts_has_none(model: str, options: Mapping[str, Any]) -> None:
    assert residual_blocks(architecture(model, (3, 32, 32), 10, options).groups) == ()


class Mixed(nn.Module):
    """A bottleneck of three layers beside a shortcut, then two layers on the only way to the head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 1)
        self.down, self.inner, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 4, 1)
        self.first, self.second = nn.Conv2d(4, 3, 1), nn.Conv2d(3, 6, 1)
        self.branch, self.back = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 6, 1)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.up(torch.relu(self.inner(torch.relu(self.down(x)))))
        x = self.second(torch.relu(self.first(x)))
        x = x + self.back(torch.relu(self.branch(x)))
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def test_a_bottleneck_is_one_block_and_layers_without_a_way_around_are_none() -> None:
    blocks = residual_blocks(channel_groups(Mixed(), torch.zeros(1, 1, 2, 2)))
    inside = {frozenset(group.name for group in block) for block in blocks}
    assert inside == {frozenset({"inner", "down"}), frozenset({"branch"})}


def test_a_net_without_a_block_costs_less_and_its_output_still_depends_on_its_input() -> None:
    made = architecture("resnet20", (1, 8, 8), 4, {"width": 0.25})
    mask = Mask()
    for block in residual_blocks(made.groups):
        for group in block:
            mask = channel_mask(group, np.zeros(group.size, np.bool_), mask, made.shapes)
    assert cost_under(made, mask).multiply_adds < 0.35 * cost_under(made, Mask()).multiply_adds
    module = made.load(mask.apply(made.initial_weights(0))).eval()
    x = torch.from_numpy(np.random.Generator(np.random.PCG64(0)).normal(size=(2, 1, 8, 8)).astype(np.float32))
    with torch.inference_mode():
        first, second = module(x)
    assert not torch.equal(first, second)
