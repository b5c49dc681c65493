"""A parameter that several layers share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune.compute.model import LocalModel
from fedprune.models import ModelError, architecture
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification

SHAPE = (1, 8, 8)


def test_a_parameter_that_layers_share_is_there_once_by_its_first_name() -> None:
    made = architecture("theirs:Tied", SHAPE, 4)
    assert list(made.shapes) == ["read.weight", "inner.weight", "inner.bias", "write.bias"]
    assert made.prunable == ("read.weight", "inner.weight")
    weights = made.initial_weights(0)
    module = made.load(weights)
    assert module.get_parameter("read.weight") is module.get_parameter("write.weight")
    np.testing.assert_array_equal(
        module.get_parameter("write.weight").detach().numpy(), weights["read.weight"]
    )


def test_a_shared_parameter_trains_and_is_masked_as_one() -> None:
    made = architecture("theirs:Tied", SHAPE, 4)
    weights, kept = made.initial_weights(0), np.arange(24).reshape(4, 6) % 3 > 0
    model = LocalModel(made, weights, Mask({"read.weight": kept}), Classification())
    assert model.module.get_parameter("write.weight").data_ptr() == model.flat.data_ptr()
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32))
    before = model.module(x)
    before.square().sum().backward()
    assert all(value.any() for value in model.gradients().values())
    model.flat.sub_(model.gradient, alpha=0.01)
    model.hold_pruned()
    assert not torch.equal(before, model.module(x))
    np.testing.assert_array_equal(model.weights()["read.weight"] != 0, kept)
    assert list(model.weights()) == list(made.shapes)


def test_channels_of_a_shared_parameter_are_not_removed() -> None:
    made = architecture("theirs:Tied", SHAPE, 4)
    with pytest.raises(ModelError, match="has no layer whose channels can be removed"):
        made.channels("any")
