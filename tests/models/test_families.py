"""Every bundled family: published sizes, any input size and channel count, too small inputs refused."""

from __future__ import annotations

import hashlib
import math
import typing
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fedprune import plugins
from fedprune.models import GIVEN, ModelError, architecture

from .described import batch, described, takes, takes_tokens

SHAPES = [(1, 32, 32), (2, 33, 40)]


def variants() -> list[tuple[str, dict[str, Any]]]:
    """Every family with its defaults, and with each other value of options that have a fixed set of them."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name in plugins.names("models"):
        hints = typing.get_type_hints(plugins.load("models", name).build)
        found.append((name, {}))
        for option, parameter in takes(name).items():
            if option in GIVEN:
                continue
            hint = hints[option]
            values = (True, False) if hint is bool else typing.get_args(hint)
            if hint is bool or typing.get_origin(hint) is typing.Literal:
                found += [(name, {option: value}) for value in values if value != parameter.default]
    return found


EVERY_VARIANT = pytest.mark.parametrize(("name", "options"), variants(), ids=str)
SCALED = [name for name in plugins.names("models") if "width" in takes(name)]
EVERY_SCALED = pytest.mark.parametrize("name", SCALED)


def narrow(name: str) -> dict[str, Any]:
    """Options of a variant that computes fast."""
    return {"width": 0.25} if name in SCALED else {}


def parameters(name: str, shape: tuple[int, ...], options: dict[str, Any] | None = None) -> int:
    made = architecture(name, shape, 10, options)
    return sum(math.prod(size) for key, size in made.shapes.items() if key not in made.statistics)


@pytest.mark.parametrize(
    ("name", "shape", "options", "count"),
    [
        ("lenet5", (3, 32, 32), {}, 62_006),
        ("lenet5", (3, 32, 32), {"batch_norm": True}, 62_050),
        ("mnist_cnn", (1, 28, 28), {}, 21_840),
        ("mnist_cnn", (1, 28, 28), {"batch_norm": True}, 21_900),
        ("digits_cnn", (1, 8, 8), {}, 13_706),
        ("digits_cnn", (1, 8, 8), {"batch_norm": True}, 13_802),
        ("mlp", (1, 8, 8), {}, 17_226),
        ("mlp", (1, 8, 8), {"hidden": []}, 650),
        ("resnet20", (3, 32, 32), {}, 272_474),
        ("resnet20", (3, 32, 32), {"norm": "group"}, 272_474),
        ("resnet18", (3, 32, 32), {}, 11_173_962),
        ("vgg11", (3, 32, 32), {}, 9_228_362),
        ("tabular", (30, 1, 1), {}, 36_170),
    ],
)
def test_parameter_counts_are_the_published_ones(
    name: str, shape: tuple[int, ...], options: dict[str, Any], count: int
) -> None:
    assert parameters(name, shape, options) == count


@pytest.mark.parametrize(
    ("name", "shape", "options", "digest"),
    [
        ("lenet5", (3, 32, 32), {}, "5dd8647e00c7e165"),
        ("lenet5", (3, 32, 32), {"batch_norm": True}, "8a9117768620f7b2"),
        ("mnist_cnn", (1, 28, 28), {"batch_norm": True}, "a94ff5b54ed2abee"),
        ("digits_cnn", (1, 8, 8), {"batch_norm": True}, "448a4ffe2652f2be"),
        ("mlp", (1, 8, 8), {}, "edf8482dd9cd4365"),
    ],
)
def test_initial_weights_stay_the_same_from_version_to_version(
    name: str, shape: tuple[int, ...], options: dict[str, Any], digest: str
) -> None:
    found = hashlib.sha256()
    for parameter, value in architecture(name, shape, 10, options).initial_weights(7).items():
        found.update(f"{parameter}{value.shape}".encode())
        found.update(value.tobytes())
    assert found.hexdigest()[:16] == digest


@pytest.mark.parametrize("shape", SHAPES)
@EVERY_VARIANT
def test_logits_have_one_column_per_class(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    made = described(name, shape, 7, {**narrow(name), **options})
    with torch.inference_mode():
        logits = made.load(made.initial_weights(0)).eval()(batch(made, 2))
    assert logits.shape == (2, 7)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("samples", [1, 4])
@EVERY_VARIANT
def test_a_step_of_training_lowers_the_loss_even_on_one_sample(
    name: str, options: dict[str, Any], samples: int
) -> None:
    made = described(name, (3, 32, 32), 7, {**narrow(name), **options})
    module = made.load(made.initial_weights(0))
    x = batch(made, samples)
    y = torch.from_numpy(np.random.default_rng(1).integers(0, 7, samples))
    before = nn.functional.cross_entropy(module(x), y)
    before.backward()
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad is not None
            parameter -= 0.01 * parameter.grad
        assert nn.functional.cross_entropy(module(x), y) < before


@EVERY_SCALED
def test_width_scales_what_is_hidden_and_leaves_inputs_and_outputs(name: str) -> None:
    whole, half = (described(name, (3, 32, 32), 10, {"width": width}) for width in (1.0, 0.5))
    assert whole.shapes == described(name, (3, 32, 32), 10).shapes
    assert list(half.shapes) == list(whole.shapes)
    for group, smaller in zip(whole.groups, half.groups, strict=True):
        assert smaller.size == group.size // 2
    assert half.prunable[-1] == whole.prunable[-1]
    assert half.shapes[half.prunable[-1]][0] == 10
    if takes_tokens(name):
        first = next(iter(whole.shapes))
        assert half.shapes[first] == (10, whole.shapes[first][1] // 2)
    else:
        assert half.shapes[half.prunable[0]][1:] == whole.shapes[whole.prunable[0]][1:]


@EVERY_SCALED
def test_the_narrowest_network_has_one_of_everything_and_still_computes(name: str) -> None:
    made = described(name, (3, 32, 32), 10, {"width": 1e-6})
    assert all(group.size == 1 for group in made.groups)
    with torch.inference_mode():
        assert made.load(made.initial_weights(0))(batch(made, 2)).shape == (2, 10)


@EVERY_SCALED
@pytest.mark.parametrize("width", [0.0, -1.0, math.inf, math.nan])
def test_a_width_that_is_no_positive_number_is_refused(name: str, width: float) -> None:
    with pytest.raises(ModelError, match=f"model '{name}': option 'width' = .*: must be a positive number"):
        described(name, (3, 32, 32), 10, {"width": width})


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "vgg11"])
def test_group_norm_widths_are_whole_groups(name: str) -> None:
    made = architecture(name, (3, 32, 32), 10, {"norm": "group", "width": 0.3})
    norms = [layer for layer in made.template.modules() if isinstance(layer, nn.GroupNorm)]
    assert norms
    assert all(layer.num_channels == 4 * layer.num_groups for layer in norms)


def test_an_unknown_norm_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"'resnet20': option 'norm' = 'layer': .*'batch' or 'group'"):
        architecture("resnet20", (3, 32, 32), 10, {"norm": "layer"})


@pytest.mark.parametrize(
    ("name", "options", "smallest"),
    [
        ("lenet5", {}, 16),
        ("mnist_cnn", {}, 16),
        ("digits_cnn", {}, 4),
        ("resnet20", {}, 5),
        ("resnet18", {}, 9),
        ("vgg11", {}, 32),
        ("vgg11", {"norm": "group"}, 32),
    ],
)
def test_too_small_an_input_is_refused_naming_the_smallest(
    name: str, options: dict[str, Any], smallest: int
) -> None:
    made = architecture(name, (1, smallest, smallest), 10, options)
    with torch.inference_mode():
        # In training mode and on a single sample, which is what batch norm needs the size for.
        assert made.load(made.initial_weights(0))(torch.zeros(1, 1, smallest, smallest)).shape == (1, 10)
    with pytest.raises(ModelError, match=f"'{name}' takes inputs of at least {smallest}x{smallest}, not"):
        architecture(name, (1, smallest, smallest - 1), 10, options)


@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_residual_nets_with_group_norm_take_any_image(name: str) -> None:
    made = architecture(name, (1, 1, 1), 10, {"norm": "group"})
    with torch.inference_mode():
        assert made.load(made.initial_weights(0))(torch.zeros(1, 1, 1, 1)).shape == (1, 10)


@pytest.mark.parametrize("name", ["lenet5", "mnist_cnn", "digits_cnn", "resnet20", "resnet18", "vgg11"])
def test_an_input_that_is_no_image_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="takes inputs of"):
        architecture(name, (64,), 10)


def test_an_empty_hidden_layer_is_refused() -> None:
    with pytest.raises(ModelError, match="every hidden layer needs at least one unit"):
        architecture("mlp", (1, 8, 8), 10, {"hidden": [16, 0]})
