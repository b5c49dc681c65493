"""Aggregation against numbers worked out by hand, and its promise that arrival does not matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.aggregation import Combiner, Over, Update
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays

OLD: Arrays = {"w": np.array([10, 20, 30, 40], np.float32), "b": np.array([7], np.float32)}

# Client 0 has 1 sample and holds all of w; client 1 has 3 and holds w[0] and w[1]; nobody but 0 holds w[2].
THREE = [
    Update(0, 1, {"w": np.array([1, 2, 3, 0], np.float32)}, Mask({"w": np.array([1, 1, 1, 0])})),
    Update(1, 3, {"w": np.array([5, 6, 0, 0], np.float32)}, Mask({"w": np.array([1, 1, 0, 0])})),
    Update(2, 2, {"w": np.array([9, 0, 0, 0], np.float32)}, Mask({"w": np.array([1, 0, 0, 0])})),
]

OVER_EITHER = pytest.mark.parametrize("over", ["holders", "all"])
BOTH_WEIGHTS = pytest.mark.parametrize("weighted", [False, True])


def combined(
    updates: Sequence[Update], *, over: Over = "holders", weighted: bool = False, old: Arrays = OLD
) -> Arrays:
    """What FedAvg's own rule makes of them."""
    return Combiner().combine(old, updates, {}, over=over, weighted=weighted)


def test_each_coordinate_is_the_mean_over_its_holders() -> None:
    # (1+5+9)/3, (2+6)/2, 3 alone, nobody: old.
    np.testing.assert_array_equal(combined(THREE)["w"], [5, 4, 3, 40])


def test_weights_are_the_holders_sample_counts() -> None:
    # (1*1+3*5+2*9)/6, (1*2+3*6)/4, 3 alone, nobody: old.
    expected = np.array([34 / 6, 5, 3, 40], np.float32)
    np.testing.assert_array_equal(combined(THREE, weighted=True)["w"], expected)


def test_a_strict_intersection_moves_only_what_every_participant_kept() -> None:
    np.testing.assert_array_equal(combined(THREE, over="all")["w"], [5, 20, 30, 40])
    expected = np.array([34 / 6, 20, 30, 40], np.float32)
    np.testing.assert_array_equal(combined(THREE, over="all", weighted=True)["w"], expected)


@OVER_EITHER
def test_a_parameter_that_no_update_carries_is_passed_through(over: Over) -> None:
    assert combined(THREE, over=over)["b"] is OLD["b"]


@OVER_EITHER
def test_a_parameter_without_a_mask_entry_is_held_whole(over: Over) -> None:
    updates = [Update(client, 1, {"b": np.array([client], np.float32)}, Mask()) for client in (1, 4)]
    np.testing.assert_array_equal(combined(updates, over=over)["b"], [2.5])


@OVER_EITHER
def test_only_updates_that_carry_a_parameter_count_as_its_participants(over: Over) -> None:
    updates = [*THREE[:1], Update(5, 1, {"b": np.array([1], np.float32)}, Mask())]
    np.testing.assert_array_equal(combined(updates, over=over)["w"], [1, 2, 3, 40])


@OVER_EITHER
def test_what_a_client_says_of_a_coordinate_it_does_not_hold_is_ignored(over: Over) -> None:
    liar = Update(
        3, 1, {"w": np.array([1, 2, np.nan, np.inf], np.float32)}, Mask({"w": np.array([1, 1, 0, 0])})
    )
    np.testing.assert_array_equal(combined([liar], over=over)["w"], [1, 2, 30, 40])


@OVER_EITHER
@BOTH_WEIGHTS
@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_the_order_of_arrival_does_not_change_a_bit(
    over: Over, weighted: bool, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    old = {"w": rng.normal(size=(3, 5)).astype(np.float32)}
    updates = [
        Update(
            client,
            int(rng.integers(1, 1000)),
            {"w": (rng.normal(size=(3, 5)) * 10.0 ** rng.integers(-6, 7)).astype(np.float32)},
            Mask({"w": rng.random((3, 5)) < 0.8}),
        )
        for client in range(6)
    ]
    permuted = data.draw(st.permutations(updates))
    expected = combined(updates, over=over, weighted=weighted, old=old)["w"]
    assert combined(permuted, over=over, weighted=weighted, old=old)["w"].tobytes() == expected.tobytes()


@OVER_EITHER
@BOTH_WEIGHTS
def test_equal_updates_average_to_themselves_bit_for_bit(over: Over, weighted: bool) -> None:
    value = np.random.default_rng(0).normal(size=50).astype(np.float32)
    updates = [Update(client, 1 + client, {"w": value}, Mask()) for client in range(7)]
    averaged = combined(updates, over=over, weighted=weighted, old={"w": np.zeros(50, np.float32)})["w"]
    np.testing.assert_array_equal(averaged, value)


@OVER_EITHER
def test_sums_are_in_double_precision_and_cast_once(over: Over) -> None:
    # In float32, 2**24 + 1 is 2**24: summed in it, the ones would be lost.
    values = [2.0**24, 1.0, 1.0, -(2.0**24)]
    updates = [Update(c, 1, {"w": np.array([v], np.float32)}, Mask()) for c, v in enumerate(values)]
    averaged = combined(updates, over=over, old={"w": np.zeros(1, np.float32)})["w"]
    assert averaged.dtype == np.float32
    np.testing.assert_array_equal(averaged, [0.5])


@OVER_EITHER
def test_the_old_values_are_left_as_they_were(over: Over) -> None:
    before = {name: value.copy() for name, value in OLD.items()}
    combined(THREE, over=over)
    assert all(np.array_equal(OLD[name], value) for name, value in before.items())
