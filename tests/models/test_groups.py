"""Channel groups as torch-pruning's dependency graph gives them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fedprune.models import architecture
from fedprune.models._groups import channel_groups


class Residual(nn.Module):
    """Two convolutions whose outputs are added."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.head = nn.Linear(4 * 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        logits: Tensor = self.head((x + self.second(x)).flatten(1))
        return logits


class Concatenated(nn.Module):
    """Two convolutions whose outputs stand side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.second = nn.Conv2d(1, 4, 3)
        self.head = nn.Conv2d(8, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.cat([self.first(x), self.second(x)], dim=1))
        return logits


def test_lenet5_has_two_groups_of_filters_and_two_of_units() -> None:
    groups = architecture("lenet5", (3, 32, 32), 10).groups
    assert [(group.name, group.kind, group.size) for group in groups] == [
        ("conv1", "conv", 6),
        ("conv2", "conv", 16),
        ("fc1", "linear", 120),
        ("fc2", "linear", 84),
    ]


def test_a_group_covers_the_layer_its_norm_and_the_next_layers_columns() -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True})
    group = made.groups[1]
    norm = [(f"bn2.{part}", 0, 1) for part in ("weight", "bias", "running_mean", "running_var")]
    assert group.members == (("conv2.weight", 0, 1), ("conv2.bias", 0, 1), *norm, ("fc1.weight", 1, 25))
    assert group.norm == "bn2.weight"
    assert made.groups[2].norm is None


def test_the_span_after_a_flatten_is_the_size_of_the_map() -> None:
    for side, span in ((28, 16), (32, 25), (16, 1)):
        group = architecture("lenet5", (1, side, side), 10).groups[1]
        assert group.members[-1] == ("fc1.weight", 1, span)


def test_members_span_their_axes_exactly() -> None:
    for name in ("lenet5", "mnist_cnn", "digits_cnn", "mlp"):
        made = architecture(name, (1, 28, 28), 10)
        for group in made.groups:
            for parameter, axis, span in group.members:
                assert made.shapes[parameter][axis] == group.size * span


def test_a_linear_classifier_has_no_channels_to_remove() -> None:
    assert architecture("mlp", (1, 8, 8), 10, {"hidden": []}).groups == ()


def test_layers_whose_outputs_are_added_share_one_group() -> None:
    (group,) = channel_groups(Residual(), (1, 4, 4))
    assert group.name == "first"
    assert set(group.members) == {
        ("first.weight", 0, 1),
        ("first.bias", 0, 1),
        ("second.weight", 0, 1),
        ("second.weight", 1, 1),
        ("head.weight", 1, 16),
    }


def test_channels_behind_a_concatenation_or_a_grouped_convolution_are_left_out() -> None:
    assert channel_groups(Concatenated(), (1, 8, 8)) == ()
    depthwise = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 2, 3))
    assert channel_groups(depthwise, (1, 8, 8)) == ()


def test_deriving_groups_leaves_the_module_as_it_was() -> None:
    module = Residual().train()
    module.first.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    channel_groups(module, (1, 4, 4))
    assert module.training
    assert not module.first.weight.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
