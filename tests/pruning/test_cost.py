"""Cost of a module, checked by hand on LeNet-5 and against torch's own counter on every family."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from fedprune import plugins
from fedprune.models import architecture
from fedprune.pruning.cost import Cost, cost, cost_under
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import shrink

from ..models.described import described, takes


def test_dense_lenet5_on_cifar10_costs_its_known_multiply_adds() -> None:
    made = architecture("lenet5", (3, 32, 32), 10)
    convolutions = 28 * 28 * 6 * 75 + 10 * 10 * 16 * 150
    assert cost(made.build(), made.example()) == Cost(62_006, convolutions + 400 * 120 + 120 * 84 + 84 * 10)


def test_half_the_channels_of_both_convolutions_leave_42_percent() -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True})
    mask = Mask()
    for group in made.groups[:2]:
        mask = channel_mask(group, np.arange(group.size) < group.size // 2, mask, made.shapes)
    module, _ = shrink(made, made.initial_weights(0), mask)
    whole = cost(made.build(), made.example())
    assert cost(module, made.example()).multiply_adds / whole.multiply_adds == pytest.approx(0.42, abs=0.005)


def test_weights_that_are_merely_zero_cost_like_any_other() -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in made.shapes.items()}
    assert cost(made.load(zeros), made.example()) == cost(made.build(), made.example())


def test_a_grouped_convolution_costs_its_own_kernels_only() -> None:
    layer = nn.Conv2d(4, 8, 3, groups=2)
    assert cost(layer, torch.zeros(1, 4, 5, 5)).multiply_adds == 3 * 3 * 8 * (2 * 9)


def test_counting_leaves_the_module_as_it_was() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    module = made.load(made.initial_weights(0))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    cost(module, made.example())
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not module.get_submodule("conv1")._forward_hooks


@pytest.mark.parametrize("batch_norm", [False, True])
def test_cost_under_a_mask_is_that_of_the_shrunk_model(batch_norm: bool) -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": batch_norm})
    weights, mask = made.initial_weights(0), Mask()
    for alive in (6, 4, 3):
        mask = channel_mask(made.groups[0], np.arange(6) < alive, mask, made.shapes)
        assert cost_under(made, mask) == cost(shrink(made, weights, mask)[0], made.example())


def counted(module: nn.Module, example: Tensor) -> int:
    """Multiply-adds by torch's own count, which has two operations in each and norms left out."""
    counter, probe = FlopCounterMode(display=False), copy.deepcopy(module).double().eval()
    # In float64, with gradients and without flash attention: it does not know the kernels that fuse.
    with sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), counter:
        probe(example.double() if example.is_floating_point() else example)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 35, 44)])
@pytest.mark.parametrize("name", plugins.names("models"))
def test_every_family_costs_what_torchs_own_counter_says_dense_and_shrunk(
    name: str, shape: tuple[int, ...]
) -> None:
    made = described(name, shape, 10, {"width": 0.25} if "width" in takes(name) else {}, per_position=True)
    rng = np.random.default_rng(0)
    mask = Mask()
    for group in made.groups:
        mask = channel_mask(group, rng.random(group.size) < 0.6, mask, made.shapes)
    weights = made.initial_weights(0)
    whole, small = made.load(weights), shrink(made, weights, mask)[0]
    assert cost(whole, made.example()).multiply_adds == counted(whole, made.example())
    assert cost_under(made, mask).multiply_adds == counted(small, made.example())
    assert not made.groups or counted(small, made.example()) < counted(whole, made.example())


class Called(nn.Module):
    """A layer that is called with several inputs made from one."""

    def __init__(self, layer: nn.Module, inputs: int) -> None:
        super().__init__()
        self.layer, self.inputs = layer, inputs

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor | tuple[Tensor, ...] = self.layer(*[x] * self.inputs)
        return output[0] if isinstance(output, tuple) else output


@pytest.mark.parametrize(
    ("layer", "inputs", "shape"),
    [
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), 1, (1, 4, 5, 5)),
        (nn.LSTM(6, 5, num_layers=2, bidirectional=True), 1, (7, 1, 6)),
        (nn.LSTM(6, 5, batch_first=True), 1, (1, 7, 6)),
        (nn.GRU(6, 5), 1, (7, 1, 6)),
        (nn.GRUCell(6, 5), 1, (1, 6)),
        (nn.MultiheadAttention(8, 2), 3, (7, 1, 8)),
        (nn.MultiheadAttention(8, 2, kdim=8, vdim=8, batch_first=True), 3, (1, 7, 8)),
    ],
    ids=str,
)
def test_other_layers_cost_what_torchs_own_counter_says(
    layer: nn.Module, inputs: int, shape: tuple[int, ...]
) -> None:
    module, example = Called(layer, inputs), torch.ones(shape)
    assert cost(module, example).multiply_adds == counted(module, example) > 0


def test_a_projected_lstm_costs_its_projections_too() -> None:
    layer = nn.LSTM(6, 5, proj_size=3).double()  # in float32 torch warns that it is slow
    found = cost(Called(layer, 1), torch.ones(7, 1, 6, dtype=torch.float64))
    assert found.multiply_adds == 7 * (4 * 5 * (6 + 3) + 3 * 5)


def test_a_bilinear_layer_costs_every_pair_of_inputs_and_an_embedding_costs_nothing() -> None:
    assert cost(Called(nn.Bilinear(4, 4, 3), 2), torch.ones(1, 4)).multiply_adds == 3 * 4 * 4
    assert cost(nn.Embedding(9, 4), torch.ones(1, 7, dtype=torch.int64)) == Cost(36, 0)


def test_dense_resnet20_on_cifar10_costs_its_known_multiply_adds() -> None:
    # By stage: the map's size, then the kernels of its convolutions; projections and classifier at the end.
    stem, kernel = 3 * 16 * 9, 9
    first = 32**2 * (stem + 6 * 16 * 16 * kernel)
    second = 16**2 * (16 * 32 * kernel + 5 * 32 * 32 * kernel + 16 * 32)
    third = 8**2 * (32 * 64 * kernel + 5 * 64 * 64 * kernel + 32 * 64)
    made = architecture("resnet20", (3, 32, 32), 10)
    found = cost(made.build(), made.example())
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
    assert cost_under(made, mask) == whole == cost(made.build(), made.example())
