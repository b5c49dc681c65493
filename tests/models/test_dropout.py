"""Dropout whose draws are keyed: as written on paper, repeatable, and out of the way when not training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune.models import ModelError, architecture
from fedprune.models.dropout import KeyedDropout, key_dropout


def test_in_training_entries_are_zero_at_rate_p_or_else_scaled_up() -> None:
    layer = KeyedDropout(0.25)
    key_dropout(layer, np.random.default_rng(0))
    out = layer(torch.ones(100, 100))
    assert out.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert float((out == 0).float().mean()) == pytest.approx(0.25, abs=0.02)


def test_equal_keys_give_equal_draws_and_no_global_generator_is_touched() -> None:
    state, outs = torch.get_rng_state(), []
    for _ in range(2):
        layer = KeyedDropout(0.5)
        key_dropout(layer, np.random.default_rng(7))
        outs.append([layer(torch.ones(50)) for _ in range(2)])
    assert torch.equal(outs[0][0], outs[1][0])
    assert not torch.equal(outs[0][0], outs[0][1])
    assert torch.equal(torch.get_rng_state(), state)


def test_it_is_the_identity_in_evaluation_and_refuses_to_train_without_a_generator() -> None:
    layer, x = KeyedDropout(0.5), torch.ones(4)
    with pytest.raises(ModelError, match="without a generator"):
        layer(x)
    assert layer.eval()(x) is x


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_a_rate_that_is_none_is_refused_by_name(p: float) -> None:
    with pytest.raises(ModelError, match="option 'dropout'"):
        architecture("mlp", (1, 8, 8), 10, {"dropout": p})


@pytest.mark.parametrize(("name", "shape"), [("lenet5", (1, 28, 28)), ("mlp", (1, 8, 8))])
def test_a_model_with_dropout_has_the_parameters_and_channels_of_one_without(
    name: str, shape: tuple[int, ...]
) -> None:
    plain, dropping = (architecture(name, shape, 10, {"dropout": p}) for p in (0.0, 0.5))
    assert plain.shapes == dropping.shapes
    assert plain.groups == dropping.groups
    assert plain.groups
