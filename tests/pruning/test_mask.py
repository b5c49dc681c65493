"""Mask: validated on write, compared by value, dense where it has no entry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedprune.pruning.mask import Mask

bools = arrays(np.bool_, (3, 4))


def test_numbers_that_are_zero_or_one_become_bools() -> None:
    mask = Mask({"w": np.array([0.0, 1.0, 1.0])})  # type: ignore[dict-item]
    assert mask["w"].dtype == np.bool_
    assert mask["w"].tolist() == [False, True, True]


@pytest.mark.parametrize("bad", [np.array([0.5, 1.0]), np.array([2]), np.array([np.nan]), np.array(["yes"])])
def test_anything_else_is_refused_by_name(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="mask of w"):
        Mask({"w": bad})


@pytest.mark.parametrize("name", ["", 0, None])
def test_entries_are_named_by_parameter(name: object) -> None:
    with pytest.raises(TypeError, match="named by parameter"):
        Mask()[name] = np.ones(2, np.bool_)  # type: ignore[index]


def test_an_empty_mask_is_dense() -> None:
    assert Mask().density == 1.0
    assert (Mask().size, Mask().kept) == (0, 0)


def test_with_dense_spells_out_what_has_no_entry_and_leaves_the_rest() -> None:
    mask = Mask({"w": np.array([True, False])})
    spelled = mask.with_dense({"w": (2,), "b": (3,)})
    assert spelled == Mask({"w": np.array([True, False]), "b": np.ones(3, np.bool_)})
    assert list(mask) == ["w"]


def test_a_scalar_keeps_its_shape() -> None:
    assert Mask({"w": np.array(True)})["w"].shape == ()


@settings(derandomize=True, deadline=None)
@given(bools, bools)
def test_counts_agree_with_the_entries(first: np.ndarray, second: np.ndarray) -> None:
    mask = Mask({"a": first, "b": second})
    assert mask.size == 24
    assert mask.kept == first.sum() + second.sum()
    assert mask.density == pytest.approx(mask.kept / 24)
    assert mask.densities() == {"a": pytest.approx(first.mean()), "b": pytest.approx(second.mean())}


@settings(derandomize=True, deadline=None)
@given(bools, bools)
def test_a_subset_keeps_nothing_that_the_other_prunes(first: np.ndarray, second: np.ndarray) -> None:
    assert Mask({"w": first & second}).is_subset(Mask({"w": first}))
    assert Mask({"w": first}).is_subset(Mask({"w": second})) == bool((first <= second).all())
    assert Mask({"w": first}).is_subset(Mask())


@settings(derandomize=True, deadline=None)
@given(bools, st.integers(0, 11))
def test_a_copy_is_equal_and_independent(entry: np.ndarray, at: int) -> None:
    mask = Mask({"w": entry})
    copy = mask.copy()
    assert copy == mask
    copy["w"].reshape(-1)[at] ^= True
    assert copy != mask


@settings(derandomize=True, deadline=None)
@given(bools)
def test_applying_zeroes_what_is_pruned_and_keeps_the_rest(entry: np.ndarray) -> None:
    weights = {"w": np.arange(1, 13, dtype=np.float32).reshape(3, 4), "b": np.ones(3, np.float32)}
    applied = Mask({"w": entry}).apply(weights)
    assert applied["w"].dtype == np.float32
    np.testing.assert_array_equal(applied["w"], weights["w"] * entry)
    np.testing.assert_array_equal(applied["b"], weights["b"])
    assert weights["w"].all()
