"""Shrinking: a model without its dead channels computes and learns what the masked full model does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fedprune.models import Architecture, architecture
from fedprune.pruning.groups import alive_channels, channel_mask
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import Kept, kept_indices, scatter, shrink, take
from fedprune.types import Arrays

CASES: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("lenet5", (3, 32, 32), {}),
    ("lenet5", (3, 32, 32), {"batch_norm": True}),
    ("lenet5", (1, 28, 28), {}),
    ("lenet5", (1, 28, 28), {"batch_norm": True}),
    ("mnist_cnn", (1, 28, 28), {"batch_norm": True}),
    ("digits_cnn", (1, 8, 8), {}),
    ("digits_cnn", (1, 8, 8), {"batch_norm": True}),
    ("mlp", (1, 8, 8), {}),
    ("tabular", (30, 1, 1), {"width": 0.25}),
    ("resnet20", (3, 8, 8), {"width": 0.5}),
    ("resnet20", (3, 8, 8), {"norm": "group"}),
    ("resnet18", (3, 9, 9), {"width": 0.125}),
    ("resnet18", (3, 8, 8), {"width": 0.125, "norm": "group"}),
    ("vgg11", (3, 32, 32), {"width": 0.125}),
    ("vgg11", (3, 32, 40), {"width": 0.125, "norm": "group"}),
]
EVERY_CASE = pytest.mark.parametrize(("name", "shape", "options"), CASES)
quick = settings(derandomize=True, deadline=None, max_examples=8)
seeds = st.integers(0, 2**32 - 1)


def random_weights(made: Architecture, rng: np.random.Generator) -> Arrays:
    """Initial weights, with biases, norms and statistics that are not the initial ones."""
    weights = made.initial_weights(int(rng.integers(1000)))
    for name in weights:
        if weights[name].ndim == 1:
            weights[name] = rng.uniform(0.5, 1.5, weights[name].shape).astype(np.float32)
    return weights


def random_mask(made: Architecture, rng: np.random.Generator) -> Mask:
    """Some channels of every group dead, and some of the remaining weights pruned one by one."""
    mask = Mask({name: rng.random(made.shapes[name]) < rng.uniform(0.3, 1) for name in made.prunable})
    for group in made.groups:
        mask = channel_mask(group, rng.random(group.size) < rng.uniform(0, 1.2), mask, made.shapes)
    return mask


def train(
    module: nn.Module, mask: Arrays, inputs: torch.Tensor, labels: torch.Tensor, steps: int = 3
) -> Arrays:
    """A few steps of SGD with momentum that hold pruned coordinates at zero; the state afterwards.

    They are made in float64, since the two sizes of a model sum in different orders: in float32 this can put
    a ReLU's input on the other side of zero, which moves a gradient by far more than rounding.
    """
    module, inputs = module.double(), inputs.double()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.5)
    kept = {name: torch.from_numpy(entry) for name, entry in mask.items()}
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels).backward()
        for name, parameter in module.named_parameters():
            if name in kept:
                assert parameter.grad is not None
                parameter.grad *= kept[name]
        optimizer.step()
    state = module.state_dict()
    return {name: value.numpy() for name, value in state.items() if not name.endswith("num_batches_tracked")}


@EVERY_CASE
@quick
@given(seed=seeds)
def test_the_shrunk_model_computes_what_the_masked_one_does(
    name: str, shape: tuple[int, ...], options: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    made = architecture(name, shape, 10, options)
    weights, mask = random_weights(made, rng), random_mask(made, rng)
    small, _ = shrink(made, weights, mask)
    full = made.load(mask.apply(weights))
    inputs = torch.from_numpy(rng.normal(size=(3, *shape)).astype(np.float32))
    with torch.inference_mode():
        torch.testing.assert_close(small.eval()(inputs), full.eval()(inputs), rtol=1e-4, atol=1e-5)


@EVERY_CASE
@quick
@given(seed=seeds)
def test_training_the_shrunk_model_is_training_the_masked_one(
    name: str, shape: tuple[int, ...], options: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    made = architecture(name, shape, 10, options)
    weights, mask = random_weights(made, rng), random_mask(made, rng)
    inputs = torch.from_numpy(rng.normal(size=(6, *shape)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, 6))
    small, kept = shrink(made, weights, mask)
    shrunk = scatter(train(small, take(dict(mask), kept), inputs, labels), kept, made.shapes)
    full = train(made.load(mask.apply(weights)), dict(mask), inputs, labels)
    assert list(shrunk) == list(full)
    for parameter, value in full.items():
        np.testing.assert_allclose(shrunk[parameter], value, rtol=1e-9, atol=1e-11, err_msg=parameter)


@EVERY_CASE
@quick
@given(seed=seeds)
def test_scattering_inverts_taking_where_channels_live_and_is_zero_elsewhere(
    name: str, shape: tuple[int, ...], options: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    made = architecture(name, shape, 10, options)
    weights, mask = random_weights(made, rng), random_mask(made, rng)
    kept = kept_indices(made, mask)
    masked = mask.apply(weights)
    back = scatter(take(masked, kept), kept, made.shapes)
    assert list(back) == list(weights)
    for parameter, value in masked.items():
        np.testing.assert_array_equal(back[parameter], value, err_msg=parameter)
    small = take(weights, kept)
    again = take(scatter(small, kept, made.shapes), kept)
    assert all(np.array_equal(again[parameter], value) for parameter, value in small.items())


def sizes_agree(module: nn.Module) -> bool:
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    return all(tuple(layer.weight.shape[:2]) == (layer.out_channels, layer.in_channels) for layer in layers)


def half_of(made: Architecture) -> tuple[Mask, Kept, nn.Module]:
    mask = Mask()
    for group in made.groups:
        if group.kind == "conv":
            mask = channel_mask(group, np.arange(group.size) % 2 == 0, mask, made.shapes)
    module, kept = shrink(made, made.initial_weights(0), mask)
    return mask, kept, module


def test_the_shrunk_model_is_physically_smaller_and_says_so() -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True})
    _, kept, module = half_of(made)
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    assert shapes["conv1.weight"] == (3, 3, 5, 5)
    assert shapes["conv2.weight"] == (8, 3, 5, 5)
    assert shapes["bn2.running_var"] == (8,)
    assert shapes["fc1.weight"] == (120, 200)
    assert sizes_agree(module)
    indices = kept["conv2.weight"]
    assert indices[0] is not None
    assert indices[0].tolist() == list(range(0, 16, 2))
    assert indices[2:] == (None, None)


def test_without_dead_channels_the_model_is_whole() -> None:
    made = architecture("lenet5", (1, 28, 28), 10)
    rng = np.random.default_rng(0)
    mask = Mask({"fc1.weight": rng.random((120, 256)) < 0.5})
    module, kept = shrink(made, made.initial_weights(0), mask)
    assert all(axis is None for axes in kept.values() for axis in axes)
    assert {name: tuple(value.shape) for name, value in module.state_dict().items()} == dict(made.shapes)
    assert not module.get_parameter("fc1.weight").detach().numpy()[~mask["fc1.weight"]].any()


def test_a_group_whose_channels_are_all_dead_keeps_one_that_is_zero() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10)
    mask = channel_mask(made.groups[0], np.zeros(16, np.bool_), Mask(), made.shapes)
    assert not alive_channels(made.groups[0], mask).any()
    module, _ = shrink(made, made.initial_weights(0), mask)
    weight = module.get_parameter("conv1.weight")
    assert weight.shape == (1, 1, 3, 3)
    assert not weight.any()


def test_the_module_shares_no_memory_with_the_weights() -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    weights = made.initial_weights(0)
    before = {name: value.copy() for name, value in weights.items()}
    module, _ = shrink(made, weights, Mask())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert all(np.array_equal(value, before[name]) for name, value in weights.items())
