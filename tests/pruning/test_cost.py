"""Cost of a module, checked by hand on LeNet-5 and against torch's own counter on every family."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fedprune import plugins
from fedprune.models import architecture
from fedprune.pruning.cost import Cost, cost, cost_under
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import shrink


def test_dense_lenet5_on_cifar10_costs_its_known_multiply_adds() -> None:
    made = architecture("lenet5", (3, 32, 32), 10)
    convolutions = 28 * 28 * 6 * 75 + 10 * 10 * 16 * 150
    assert cost(made.build(), (3, 32, 32)) == Cost(62_006, convolutions + 400 * 120 + 120 * 84 + 84 * 10)


def test_half_the_channels_of_both_convolutions_leave_42_percent() -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True})
    mask = Mask()
    for group in made.groups[:2]:
        mask = channel_mask(group, np.arange(group.size) < group.size // 2, mask, made.shapes)
    module, _ = shrink(made, made.initial_weights(0), mask)
    whole = cost(made.build(), (3, 32, 32))
    assert cost(module, (3, 32, 32)).multiply_adds / whole.multiply_adds == pytest.approx(0.42, abs=0.005)


def test_weights_that_are_merely_zero_cost_like_any_other() -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in made.shapes.items()}
    assert cost(made.load(zeros), (1, 8, 8)) == cost(made.build(), (1, 8, 8))


def test_a_grouped_convolution_costs_its_own_kernels_only() -> None:
    layer = torch.nn.Conv2d(4, 8, 3, groups=2)
    assert cost(layer, (4, 5, 5)).multiply_adds == 3 * 3 * 8 * (2 * 9)


def test_counting_leaves_the_module_as_it_was() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    module = made.load(made.initial_weights(0))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    cost(module, (1, 8, 8))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not module.get_submodule("conv1")._forward_hooks


@pytest.mark.parametrize("batch_norm", [False, True])
def test_cost_under_a_mask_is_that_of_the_shrunk_model(batch_norm: bool) -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": batch_norm})
    weights, mask = made.initial_weights(0), Mask()
    for alive in (6, 4, 3):
        mask = channel_mask(made.groups[0], np.arange(6) < alive, mask, made.shapes)
        assert cost_under(made, mask) == cost(shrink(made, weights, mask)[0], (3, 32, 32))


def counted(module: torch.nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-adds by torch's own count, which has two operations in each and norms left out."""
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        module.eval()(torch.zeros((1, *shape)))
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 35, 44)])
@pytest.mark.parametrize("name", plugins.names("models"))
def test_every_family_costs_what_torchs_own_counter_says_dense_and_shrunk(
    name: str, shape: tuple[int, ...]
) -> None:
    taken = inspect.signature(plugins.load("models", name).build).parameters
    made = architecture(name, shape, 10, {"width": 0.25} if "width" in taken else {})
    rng = np.random.default_rng(0)
    mask = Mask()
    for group in made.groups:
        mask = channel_mask(group, rng.random(group.size) < 0.6, mask, made.shapes)
    weights = made.initial_weights(0)
    whole, small = made.load(weights), shrink(made, weights, mask)[0]
    assert cost(whole, shape).multiply_adds == counted(whole, shape)
    assert cost_under(made, mask).multiply_adds == counted(small, shape) < counted(whole, shape)


def test_dense_resnet20_on_cifar10_costs_its_known_multiply_adds() -> None:
    # By stage: the map's size, then the kernels of its convolutions; projections and classifier at the end.
    stem, kernel = 3 * 16 * 9, 9
    first = 32**2 * (stem + 6 * 16 * 16 * kernel)
    second = 16**2 * (16 * 32 * kernel + 5 * 32 * 32 * kernel + 16 * 32)
    third = 8**2 * (32 * 64 * kernel + 5 * 64 * 64 * kernel + 32 * 64)
    found = cost(architecture("resnet20", (3, 32, 32), 10).build(), (3, 32, 32))
    assert found == Cost(272_474, first + second + third + 640)


def test_half_the_channels_of_resnet20_leave_a_quarter() -> None:
    made = architecture("resnet20", (3, 32, 32), 10)
    mask = Mask()
    for group in made.groups:
        mask = channel_mask(group, np.arange(group.size) % 2 == 0, mask, made.shapes)
    share = cost_under(made, mask).multiply_adds / cost_under(made, Mask()).multiply_adds
    assert share == pytest.approx(0.25, abs=0.005)


def test_single_weights_under_a_mask_still_cost() -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    mask = Mask.ones({name: made.shapes[name] for name in made.prunable})
    whole = cost_under(made, mask)
    mask[made.prunable[0]][0, :32] = False
    assert cost_under(made, mask) == whole == cost(made.build(), (1, 8, 8))
