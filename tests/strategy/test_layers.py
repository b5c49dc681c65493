"""Which arrays of a model are its body, and which its head."""

from __future__ import annotations

import pytest

from fedprune.models import architecture
from fedprune.strategy.layers import body_and_head
from fedprune.types import UserError

LINEAR = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]


def test_layers_come_with_their_biases_and_the_norms_behind_them() -> None:
    shapes = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True}).shapes
    norm = ["bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var"]
    expected = {1: LINEAR[2:], 2: LINEAR, 3: ["conv2.weight", "conv2.bias", *norm, *LINEAR]}
    for layers, names in expected.items():
        body, head = body_and_head(shapes, layers)
        assert list(head) == names
        assert {**body, **head} == shapes


@pytest.mark.parametrize("layers", [4, 9])
def test_the_first_layer_is_always_the_bodys(layers: int) -> None:
    shapes = architecture("digits_cnn", (1, 8, 8), 10).shapes
    assert list(body_and_head(shapes, layers)[0]) == ["conv1.weight", "conv1.bias"]


def test_several_matrices_of_one_module_are_one_layer() -> None:
    lstm = {"lstm.in": (4, 2), "lstm.out": (4, 2), "lstm.bias": (4,), "fc.weight": (3, 4), "fc.bias": (3,)}
    assert list(body_and_head({"embed.weight": (5, 2), **lstm}, 2)[1]) == list(lstm)


def test_a_model_of_a_single_layer_has_no_head() -> None:
    with pytest.raises(UserError, match=r"a model of a single layer has no head"):
        body_and_head({"fc.weight": (3, 4), "fc.bias": (3,)}, 1)
