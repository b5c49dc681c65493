"""Shares of zeros, counted by hand."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fedprune.compute.activity import zero_shares
from fedprune.models import architecture
from fedprune.pruning.groups import ChannelGroup


class Toy(nn.Module):
    """Two channels of one input each, rectified, read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.left = nn.Linear(2, 1)
        self.right = nn.Linear(2, 1)
        self.first.weight.data = torch.eye(2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.first(x))
        out: Tensor = self.left(hidden) + self.right(-hidden)
        return out


GROUP = ChannelGroup(
    "first", "linear", 2, (("first.weight", 0, 1), ("left.weight", 1, 1), ("right.weight", 1, 1)), ()
)


def test_the_share_of_zeros_of_each_channel_is_counted_over_all_samples() -> None:
    x = torch.tensor([[1.0, -1.0], [2.0, -2.0], [-3.0, -1.0], [4.0, 5.0]])
    shares = zero_shares(Toy(), [GROUP], x)
    assert shares["first"].dtype == np.float64
    assert shares["first"].tolist() == [0.25, 0.75]


def test_linear_layers_over_sequences_have_their_channels_last() -> None:
    x = torch.tensor([[[1.0, -1.0], [2.0, -2.0]], [[-3.0, -1.0], [4.0, 5.0]]])
    assert zero_shares(Toy(), [GROUP], x)["first"].tolist() == [0.25, 0.75]


def test_more_samples_than_a_batch_and_no_hook_is_left() -> None:
    module = Toy()
    x = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).repeat(400, 1)
    shares = zero_shares(module, [GROUP], x)
    np.testing.assert_allclose(shares["first"], [2 / 3, 2 / 3])
    assert not any(layer._forward_pre_hooks for layer in module.modules())


def test_channels_of_a_residual_net_are_counted_where_they_are_read() -> None:
    made = architecture("resnet20", (1, 8, 8), 4, {"width": 0.25})
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32))
    shares = zero_shares(made.load(made.initial_weights(0)), made.groups, x)
    for group in made.groups:
        assert shares[group.name].shape == (group.size,)
        assert (shares[group.name] >= 0).all()
        assert (shares[group.name] <= 1).all()
    assert any(0 < share.mean() < 1 for share in shares.values())
