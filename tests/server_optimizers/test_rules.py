"""Momentum, Adam and Yogi against steps worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from fedprune.server_optimizers import ServerOptimizer
from fedprune.server_optimizers.adam import Adam
from fedprune.server_optimizers.momentum import Momentum
from fedprune.server_optimizers.yogi import Yogi


def walked(optimizer: ServerOptimizer, changes: Sequence[float]) -> list[float]:
    """Where a weight that begins at 0 stands after each of the rounds that would change it so."""
    at = np.zeros(1)
    moments, places = optimizer.begin(at), []
    for change in changes:
        at, moments = optimizer.step(at, at + change, moments)
        places.append(float(at[0]))
    return places


def test_momentum_repeats_a_share_of_its_last_move_times_the_learning_rate() -> None:
    # Moves 4, 2 + 2, -2 + 2.
    assert walked(Momentum(momentum=0.5), [4, 2, -2]) == [4, 8, 8]
    assert walked(Momentum(momentum=0.5, lr=0.25), [4, 2, -2]) == [1, 2, 2]


def test_adam_has_no_bias_correction_and_its_second_moment_begins_at_tau_squared() -> None:
    optimizer = Adam(lr=0.1, beta1=0.9, beta2=0.99, tau=0.5)
    second = 0.99 * 0.25 + 0.01 * 4
    first = 0.1 * 0.2 / (math.sqrt(second) + 0.5)
    after = 0.99 * second + 0.01 * 1
    other = first + 0.1 * (0.9 * 0.2 + 0.1 * -1) / (math.sqrt(after) + 0.5)
    assert walked(optimizer, [2, -1]) == pytest.approx([first, other])


def test_yogis_second_moment_moves_by_the_square_towards_it() -> None:
    optimizer = Yogi(lr=0.1, beta1=0.9, beta2=0.99, tau=0.5)
    second = 0.25 + 0.01 * 4
    first = 0.1 * 0.2 / (math.sqrt(second) + 0.5)
    after = second - 0.01 * 0.04
    other = first + 0.1 * (0.9 * 0.2 + 0.1 * 0.2) / (math.sqrt(after) + 0.5)
    assert walked(optimizer, [2, 0.2]) == pytest.approx([first, other])


@pytest.mark.parametrize("wrong", [{"momentum": 1.0}, {"lr": 0.0}])
def test_momentums_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        Momentum(**wrong)


@pytest.mark.parametrize("wrong", [{"beta1": 1.0}, {"beta2": -0.1}, {"lr": 0.0}, {"tau": 0.0}])
@pytest.mark.parametrize("optimizer", [Adam, Yogi])
def test_adaptive_fields_out_of_range_are_refused_by_name(
    optimizer: type[Adam] | type[Yogi], wrong: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        optimizer(**wrong)
