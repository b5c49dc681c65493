"""``LocalModel``: one flat buffer under a torch module, dense, masked or shrunk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fedprune.compute.model import ALIGNMENT, LocalModel
from fedprune.models import Architecture, architecture
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification
from fedprune.types import Arrays

BATCH_NORM = pytest.mark.parametrize("options", [{}, {"batch_norm": True}], ids=["plain", "batch norm"])


def small(options: dict[str, Any]) -> tuple[Architecture, Arrays]:
    made = architecture("digits_cnn", (1, 8, 8), 10, options)
    return made, made.initial_weights(0)


def a_mask(made: Architecture) -> Mask:
    """Half of the first convolution's channels gone, and a third of the other weights."""
    rng = np.random.default_rng(0)
    mask = Mask({name: rng.random(made.shapes[name]) < 2 / 3 for name in made.prunable})
    group = made.groups[0]
    return channel_mask(group, np.arange(group.size) % 2 == 0, mask, made.shapes)


@BATCH_NORM
def test_weights_go_in_and_come_out_unchanged(options: dict[str, Any]) -> None:
    made, weights = small(options)
    back = LocalModel(made, weights, Mask(), Classification()).weights()
    assert list(back) == list(weights)
    assert all(np.array_equal(back[name], value) for name, value in weights.items())


@BATCH_NORM
def test_what_the_mask_prunes_comes_out_as_zero_and_the_rest_unchanged(options: dict[str, Any]) -> None:
    made, weights = small(options)
    mask = a_mask(made)
    back = LocalModel(made, weights, mask, Classification()).weights()
    for name, value in mask.apply(weights).items():
        np.testing.assert_array_equal(back[name], value, err_msg=name)


def test_weights_are_a_copy_that_training_does_not_reach() -> None:
    made, weights = small({})
    model = LocalModel(made, weights, Mask(), Classification())
    before = model.weights()
    model.flat.zero_()
    assert np.array_equal(before["conv1.weight"], weights["conv1.weight"])
    assert not model.weights()["conv1.weight"].any()
    assert weights["conv1.weight"].any()


@BATCH_NORM
def test_parameters_and_gradients_are_views_of_the_flat_buffers(options: dict[str, Any]) -> None:
    made, weights = small(options)
    model = LocalModel(made, weights, a_mask(made), Classification())
    loss = model.module(torch.ones(2, 1, 8, 8)).sum()
    loss.backward()
    assert float(model.gradient.abs().sum()) > 0
    for name, parameter in model.module.named_parameters():
        assert parameter.grad is not None
        for view, buffer in ((parameter, model.flat), (parameter.grad, model.gradient)):
            assert view.untyped_storage().data_ptr() == buffer.untyped_storage().data_ptr(), name
            # Torch's kernels are fastest, and choose the same code, on aligned memory.
            assert view.storage_offset() % ALIGNMENT == 0, name


def test_holding_pruned_coordinates_sets_them_to_zero_and_no_others() -> None:
    made, weights = small({})
    mask = a_mask(made)
    model = LocalModel(made, weights, mask, Classification())
    model.flat += 1
    model.hold_pruned()
    for name, value in model.weights().items():
        kept = mask[name] if name in mask else np.ones(value.shape, np.bool_)
        assert not value[~kept].any()
        np.testing.assert_array_equal(value[kept], (weights[name] + 1)[kept])


def test_a_model_of_dead_channels_is_physically_smaller() -> None:
    made, weights = small({})
    whole, shrunk = (
        LocalModel(made, weights, Mask(), Classification()),
        LocalModel(made, weights, a_mask(made), Classification()),
    )
    assert shrunk.module.get_parameter("conv1.weight").shape == (8, 1, 3, 3)
    assert shrunk.flat.numel() < whole.flat.numel()
