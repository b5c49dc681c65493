"""Every bundled family: published sizes, any input size and channel count, too small inputs refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from fedprune.models import ModelError, architecture

SHAPES = [(1, 28, 28), (3, 32, 32), (2, 33, 40)]


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
    ],
)
def test_parameter_counts_are_the_published_ones(
    name: str, shape: tuple[int, ...], options: dict[str, Any], count: int
) -> None:
    assert parameters(name, shape, options) == count


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["lenet5", "mnist_cnn", "digits_cnn", "mlp"])
def test_logits_have_one_column_per_class(name: str, shape: tuple[int, ...]) -> None:
    made = architecture(name, shape, 7)
    with torch.inference_mode():
        logits = made.load(made.initial_weights(0))(torch.zeros(2, *shape))
    assert logits.shape == (2, 7)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(("name", "smallest"), [("lenet5", 16), ("mnist_cnn", 16), ("digits_cnn", 4)])
def test_too_small_an_input_is_refused_naming_the_smallest(name: str, smallest: int) -> None:
    made = architecture(name, (1, smallest, smallest), 10)
    with torch.inference_mode():
        assert made.load(made.initial_weights(0))(torch.zeros(1, 1, smallest, smallest)).shape == (1, 10)
    with pytest.raises(ModelError, match=f"'{name}' takes inputs of at least {smallest}x{smallest}, not"):
        architecture(name, (1, smallest, smallest - 1), 10)


@pytest.mark.parametrize("name", ["lenet5", "mnist_cnn", "digits_cnn"])
def test_an_input_that_is_no_image_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="takes inputs of"):
        architecture(name, (64,), 10)


def test_an_empty_hidden_layer_is_refused() -> None:
    with pytest.raises(ModelError, match="every hidden layer needs at least one unit"):
        architecture("mlp", (1, 8, 8), 10, {"hidden": [16, 0]})
