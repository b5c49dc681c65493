"""Channel groups as torch-pruning's dependency graph gives them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fedprune import plugins
from fedprune.models import architecture
from fedprune.models.groups import channel_groups

from .described import described


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
    assert group.norms == ("bn2.weight",)
    assert made.groups[2].norms == ()


def test_the_span_after_a_flatten_is_the_size_of_the_map() -> None:
    for side, span in ((28, 16), (32, 25), (16, 1)):
        group = architecture("lenet5", (1, side, side), 10).groups[1]
        assert group.members[-1] == ("fc1.weight", 1, span)


def test_members_span_their_axes_exactly() -> None:
    for name in plugins.names("models"):
        made = described(name, (1, 32, 32), 10)
        for group in made.groups:
            for parameter, axis, span in group.members:
                assert made.shapes[parameter][axis] == group.size * span


def test_a_linear_classifier_has_no_channels_to_remove() -> None:
    assert architecture("mlp", (1, 8, 8), 10, {"hidden": []}).groups == ()


def test_layers_whose_outputs_are_added_share_one_group() -> None:
    (group,) = channel_groups(Residual(), torch.zeros(1, 1, 4, 4))
    assert group.name == "first"
    assert set(group.members) == {
        ("first.weight", 0, 1),
        ("first.bias", 0, 1),
        ("second.weight", 0, 1),
        ("second.weight", 1, 1),
        ("head.weight", 1, 16),
    }


@pytest.mark.parametrize(("name", "stages", "blocks"), [("resnet20", 3, 3), ("resnet18", 4, 2)])
def test_a_residual_net_has_a_group_for_each_stage_and_one_inside_each_block(
    name: str, stages: int, blocks: int
) -> None:
    made = architecture(name, (3, 32, 32), 10)
    inside = [group for group in made.groups if group.name.endswith("conv1")]
    assert len(inside) == stages * blocks
    assert all(len(group.norms) == 1 for group in inside)
    streams = [group for group in made.groups if group not in inside]
    assert len(streams) == stages
    for stage, stream in enumerate(streams):
        # Each block adds its second convolution to the stem, or to the projection that begins the stage.
        assert len(stream.norms) == blocks + 1
        producers = [part for part, axis, _ in stream.members if axis == 0 and len(made.shapes[part]) == 4]
        assert producers[0] == f"{stream.name}.weight"
        assert len(producers) == blocks + 1
        columns = [part for part, axis, _ in stream.members if axis == 1]
        first = 0 if stage == 0 else 1
        # The next stage reads it twice, the last stream is read by the classifier.
        assert len(columns) == blocks - first + (2 if stage + 1 < stages else 1)


def test_channels_that_a_group_norm_takes_together_go_together() -> None:
    whole = architecture("vgg11", (3, 32, 32), 10).groups
    grouped = architecture("vgg11", (3, 32, 32), 10, {"norm": "group"}).groups
    assert [group.size for group in grouped] == [group.size // 4 for group in whole]
    assert grouped[0].members == (
        ("conv1.weight", 0, 4),
        ("norm1.weight", 0, 4),
        ("norm1.bias", 0, 4),
        ("conv2.weight", 1, 4),
    )


@pytest.mark.parametrize("norm", [nn.LayerNorm(6), nn.LayerNorm(6, elementwise_affine=False), nn.RMSNorm(6)])
def test_what_a_norm_of_all_values_mixes_is_left_out(norm: nn.Module) -> None:
    module = nn.Sequential(nn.Linear(3, 6), norm, nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    assert [group.name for group in channel_groups(module, torch.zeros(1, 3))] == ["2"]


def test_group_norms_that_no_common_unit_fits_leave_nothing_to_remove() -> None:
    module = nn.Sequential(nn.Conv2d(1, 6, 3), nn.GroupNorm(3, 6), nn.GroupNorm(2, 6), nn.Conv2d(6, 2, 3))
    (group,) = channel_groups(module, torch.zeros(1, 1, 8, 8))
    assert group.size == 1


def test_channels_behind_a_concatenation_or_a_grouped_convolution_are_left_out() -> None:
    assert channel_groups(Concatenated(), torch.zeros(1, 1, 8, 8)) == ()
    depthwise = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 2, 3))
    assert channel_groups(depthwise, torch.zeros(1, 1, 8, 8)) == ()


def test_deriving_groups_leaves_the_module_as_it_was() -> None:
    module = Residual().train()
    module.first.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    channel_groups(module, torch.zeros(1, 1, 4, 4))
    assert module.training
    assert not module.first.weight.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
