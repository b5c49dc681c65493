"""FedPara's layers: how many numbers they have, what they compute, how they begin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from fedprune.models import ModelError, architecture
from fedprune.models.low_rank import LowRank, LowRankConv2d, LowRankLinear, composed, conv2d, linear
from fedprune.pruning.cost import cost

DIGITS = ("digits_cnn", (1, 8, 8), 10)


def begun(layer: nn.Module) -> nn.Module:
    """The layer with its initial weights."""
    assert isinstance(layer, LowRank)
    for name, value in layer.initial_weights(np.random.default_rng(0)).items():
        getattr(layer, name).data = torch.tensor(value, dtype=torch.float32)
    return layer


def numbers(layer: nn.Module) -> int:
    return sum(parameter.numel() for name, parameter in layer.named_parameters() if name != "bias")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_factors_have_about_the_share_of_the_numbers_that_was_asked_for(share: float) -> None:
    for layer, whole in (
        (conv2d(64, 128, 3, share=share), 64 * 128 * 9),
        (linear(512, 256, share), 512 * 256),
    ):
        assert isinstance(layer, LowRank)
        assert share <= numbers(layer) / whole < share + 0.05


def test_the_rank_of_the_authors_code_is_found() -> None:
    # FedPara.ipynb, 256 channels, 3 by 3: ratios 0.1 and 0.5.
    assert [len(conv2d(256, 256, 3, share=share).first_core) for share in (0.1, 0.5)] == [36, 103]


def test_the_product_of_two_matrices_of_low_rank_has_full_rank() -> None:
    layer = begun(linear(64, 64, 0.2))
    assert isinstance(layer, LowRankLinear)
    assert layer.first_out.shape[1] == 8
    assert torch.linalg.matrix_rank(layer.weight) == 64


@pytest.mark.parametrize(
    "layer", [conv2d(64, 64, 3, 2, 1, share=0.3), linear(256, 128, 0.3)], ids=["conv", "linear"]
)
def test_an_ordinary_layer_computes_the_same_and_a_weight_begins_as_torch_s(layer: nn.Module) -> None:
    layer = begun(layer)
    x = torch.randn(3, *((64, 9, 9) if isinstance(layer, LowRankConv2d) else (256,)))
    (whole,) = composed(nn.Sequential(layer))
    assert not isinstance(whole, LowRank)
    torch.testing.assert_close(whole(x), layer(x), rtol=1e-4, atol=1e-5)
    fan_in = whole.weight[0].numel()
    assert float(whole.weight.std()) == pytest.approx(math.sqrt(1 / (3 * fan_in)), rel=0.35)


def test_a_layer_that_would_save_nothing_stays_whole() -> None:
    assert type(linear(8, 8, 0.9)) is nn.Linear
    assert type(conv2d(1, 16, 3, share=0.5)) is nn.Conv2d
    assert type(linear(512, 512, 0.0)) is nn.Linear


def test_a_model_of_factors_travels_as_factors_and_has_fewer_of_them() -> None:
    made, whole = architecture(*DIGITS, {"low_rank": 0.3}), architecture(*DIGITS)
    assert {"conv2.first_core", "fc1.second_in"} <= set(made.prunable)
    assert sum(map(math.prod, made.shapes.values())) < 0.6 * sum(map(math.prod, whole.shapes.values()))
    assert made.groups == ()
    # On a device the ordinary layer is computed, which is made once.
    costs = [cost(each.load(each.initial_weights(0)), each.example()).multiply_adds for each in (made, whole)]
    assert costs[0] == costs[1]


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
def test_a_share_outside_of_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(ModelError, match=r"option .low_rank. = .*: must lie in"):
        architecture(*DIGITS, {"low_rank": share})
