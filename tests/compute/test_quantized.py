"""Training in int8: what is computed lies on the grids of a file, gradients pass."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from fedprune.compute.quantized import quantize_in_training, rounded_input, rounded_weight
from fedprune.compute.request import Keys
from fedprune.compute.trainers import trained
from fedprune.federation.experiment import open_experiment
from fedprune.pruning.mask import Mask
from tests.conformance.battery import small


def test_weights_lie_on_a_grid_of_their_output_and_keep_its_largest() -> None:
    weight = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    rounded = rounded_weight(weight)
    for row, whole in zip(rounded.flatten(1), weight.flatten(1), strict=True):
        steps = row / (whole.abs().max() / 64)
        torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-3)
        assert (row - whole).abs().max() <= whole.abs().max() / 128 * 1.001
        assert torch.isclose(row.abs().max(), whole.abs().max())


def test_folding_a_norm_into_weights_commutes_with_rounding_them() -> None:
    weight, scales = (
        torch.randn(5, 8, generator=torch.Generator().manual_seed(0)),
        torch.arange(1.0, 6.0)[:, None],
    )
    torch.testing.assert_close(rounded_weight(weight * scales), rounded_weight(weight) * scales)


def test_zero_is_on_the_grid_of_inputs_and_a_batch_of_zeros_stays_zero() -> None:
    x = torch.cat([torch.zeros(1), torch.linspace(0.3, 7.7, 50)])
    assert rounded_input(x)[0] == 0
    assert (rounded_input(x) - x).abs().max() <= 7.7 / 255
    assert not rounded_input(torch.zeros(3)).any()
    assert not rounded_weight(torch.zeros(2, 3)).any()


def test_gradients_pass_the_rounding_straight_through() -> None:
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    rounded_weight(weight).sum().backward()
    torch.testing.assert_close(weight.grad, torch.ones(4, 6))


def test_a_module_computes_in_int8_from_then_on_and_its_parameters_stay_as_they_were() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    x, before = torch.rand(2, 1, 8, 8), copy.deepcopy(module.state_dict())
    whole = module(x)
    quantize_in_training(module)
    difference = (module(x) - whole).abs().max()
    assert 0 < difference < 0.1
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_local_training_is_in_int8_when_the_scenario_says_so() -> None:
    weights = {}
    for quantize in (None, "int8"):
        scenario = small({"name": "fedavg"}, train={"quantize": quantize})
        experiment = open_experiment(scenario.client_settings(), None)
        state = experiment.state(experiment.initial, Mask())
        keys = Keys.named("{}", 0, round=1, client=0)
        request = experiment.fit_request(state, experiment.training(0), keys, 1)
        assert request.quantize == (quantize == "int8")
        weights[quantize] = trained(experiment.trainer, request)["fc1.weight"]
    difference = np.abs(weights["int8"] - weights[None]).max()
    assert 0 < difference < 0.05
    # Parameters themselves are not rounded, or some of a row would be equal.
    row = weights["int8"][0]
    assert len(np.unique(row)) == len(row)
