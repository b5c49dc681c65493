"""Architecture: names, shapes and weights of a model, without a draw from a global generator."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fedprune import plugins
from fedprune.models import ModelError, architecture

from .described import described

EVERY_MODEL = pytest.mark.parametrize("name", plugins.names("models"))


def test_equal_arguments_give_one_architecture() -> None:
    assert architecture("mlp", (1, 8, 8), 10, {"hidden": [4]}) is architecture(
        "mlp", (1, 8, 8), 10, {"hidden": [4]}
    )
    assert architecture("mlp", (1, 8, 8), 10, {"hidden": [4]}) is not architecture("mlp", (1, 8, 8), 10)


@EVERY_MODEL
def test_an_architecture_neither_reads_nor_moves_the_global_generators(name: str) -> None:
    before, numpy_before = torch.random.get_rng_state(), repr(np.random.get_state())
    made = described(name, (1, 32, 32), 7)
    made.build()
    assert made.groups is made.groups
    made.load(made.initial_weights(1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert numpy_before == repr(np.random.get_state())


@EVERY_MODEL
def test_shapes_are_those_of_the_built_module(name: str) -> None:
    made = described(name, (1, 32, 32), 7)
    state = {
        key: tuple(value.shape)
        for key, value in made.build().state_dict().items()
        if value.is_floating_point()
    }
    assert list(state.items()) == list(made.shapes.items())


def test_counters_are_left_out_and_statistics_are_named() -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True})
    assert not any("num_batches_tracked" in name for name in made.shapes)
    assert made.statistics == {"bn1.running_mean", "bn1.running_var", "bn2.running_mean", "bn2.running_var"}


def test_prunable_are_the_weights_of_convolutions_and_linear_layers_in_order() -> None:
    made = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True})
    assert made.prunable == ("conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight", "fc3.weight")


def test_equal_seeds_give_equal_initial_weights_and_others_differ() -> None:
    made = architecture("lenet5", (1, 28, 28), 10, {"batch_norm": True})
    first, again, other = made.initial_weights(3), made.initial_weights(3), made.initial_weights(4)
    assert list(first) == list(made.shapes)
    for name, value in first.items():
        assert value.dtype == np.float32
        assert value.shape == made.shapes[name]
        np.testing.assert_array_equal(value, again[name])
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_initial_weights_are_uniform_up_to_one_over_the_root_of_fan_in() -> None:
    weights = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True}).initial_weights(0)
    for layer, fan_in in {"conv1": 75, "conv2": 150, "fc1": 400, "fc2": 120, "fc3": 84}.items():
        bound = 1 / math.sqrt(fan_in)
        assert np.abs(weights[f"{layer}.bias"]).max() <= bound
        weight = weights[f"{layer}.weight"]
        assert 0.95 * bound < np.abs(weight).max() <= bound
        assert weight.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_batch_norms_begin_as_the_identity() -> None:
    weights = architecture("lenet5", (3, 32, 32), 10, {"batch_norm": True}).initial_weights(0)
    expected = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
    for name, value in expected.items():
        assert (weights[f"bn1.{name}"] == value).all()


def test_a_loaded_module_holds_copies_that_can_be_trained() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    weights = made.initial_weights(0)
    module = made.load(weights)
    for name, value in module.state_dict().items():
        if name in weights:
            np.testing.assert_array_equal(value.numpy(), weights[name])
    assert module.training
    module(torch.ones(4, 1, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    with torch.no_grad():
        module.get_parameter("conv1.weight").zero_()
    assert weights["conv1.weight"].any()


def test_loaded_modules_share_nothing() -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    weights = made.initial_weights(0)
    first, second = made.load(weights), made.load(weights)
    with torch.no_grad():
        first.get_parameter("fc1.weight").zero_()
    assert second.get_parameter("fc1.weight").any()
    assert next(made.template.parameters()).is_meta


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        ModelError, match=r"model 'lenet5': unknown option 'batchnorm', did you mean 'batch_norm'\?"
    ):
        architecture("lenet5", (3, 32, 32), 10, {"batchnorm": True})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("lenet5", "batch_norm", 1),
        ("lenet5", "batch_norm", "yes"),
        ("mlp", "hidden", 5),
        ("mlp", "hidden", [4, "a"]),
    ],
)
def test_an_option_of_the_wrong_type_is_refused_by_name(name: str, option: str, value: object) -> None:
    with pytest.raises(ModelError, match=f"model '{name}': option '{option}' = "):
        architecture(name, (1, 28, 28), 10, {option: value})


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(plugins.UnknownPluginError, match="did you mean 'lenet5'"):
        architecture("lenet", (1, 28, 28), 10)
