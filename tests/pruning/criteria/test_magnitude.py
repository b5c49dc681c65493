"""Both magnitude criteria, per layer and global: right count, right threshold, only shrinking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.pruning.budget import Prune
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of
from fedprune.types import Arrays

NAMES = ("a", "b", "c")
BOTH = pytest.mark.parametrize("prune", [magnitude.prune, magnitude.prune_global])
quick = settings(derandomize=True, deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
amounts = st.sampled_from([0.0, 0.1, 0.29, 0.5, 0.9, 1.0])


def example(seed: int) -> tuple[Arrays, Mask]:
    """Weights with many ties, and a mask over some of them."""
    rng = np.random.default_rng(seed)
    shapes = {"a": (4, 3), "b": (5,), "c": (2, 3, 3), "bias": (4,)}
    weights = {name: rng.integers(-3, 4, shape).astype(np.float32) for name, shape in shapes.items()}
    return weights, Mask({name: rng.random(shapes[name]) < 0.7 for name in ("a", "c")})


def alive(weights: Arrays, mask: Mask, name: str) -> np.ndarray:
    return mask[name] if name in mask else np.ones(weights[name].shape, np.bool_)


@BOTH
@quick
@given(seed=seeds, amount=amounts)
def test_pruning_never_revives_a_weight(prune: Prune, seed: int, amount: float) -> None:
    weights, mask = example(seed)
    pruned = prune(weights, mask, amount, NAMES)
    assert pruned.is_subset(mask)
    assert set(pruned) == set(NAMES)


@quick
@given(seed=seeds, amount=amounts)
def test_the_floor_of_the_share_goes_in_each_parameter(seed: int, amount: float) -> None:
    weights, mask = example(seed)
    pruned = magnitude.prune(weights, mask, amount, NAMES)
    for name in NAMES:
        before = int(alive(weights, mask, name).sum())
        assert pruned[name].sum() == before - share_of(amount, before)


@quick
@given(seed=seeds, amount=amounts)
def test_the_floor_of_the_share_goes_over_all_parameters(seed: int, amount: float) -> None:
    weights, mask = example(seed)
    pruned = magnitude.prune_global(weights, mask, amount, NAMES)
    before = sum(int(alive(weights, mask, name).sum()) for name in NAMES)
    assert pruned.kept == before - share_of(amount, before)


@BOTH
@quick
@given(seed=seeds, amount=amounts)
def test_no_kept_weight_is_smaller_than_a_removed_one(prune: Prune, seed: int, amount: float) -> None:
    weights, mask = example(seed)
    pruned = prune(weights, mask, amount, NAMES)
    pools = [NAMES] if prune is magnitude.prune_global else [(name,) for name in NAMES]
    for pool in pools:
        kept = np.concatenate([np.abs(weights[name][pruned[name]]) for name in pool])
        gone = np.concatenate([np.abs(weights[n][alive(weights, mask, n) & ~pruned[n]]) for n in pool])
        assert not kept.size or not gone.size or kept.min() >= gone.max()


@BOTH
def test_ties_go_by_index(prune: Prune) -> None:
    weights = {"a": np.ones((2, 3), np.float32)}
    pruned = prune(weights, Mask(), 0.5, ["a"])
    assert pruned["a"].tolist() == [[False] * 3, [True] * 3]


def test_global_pruning_may_empty_one_layer_and_spare_another() -> None:
    weights = {"small": np.full(4, 0.1, np.float32), "large": np.ones(4, np.float32)}
    pruned = magnitude.prune_global(weights, Mask(), 0.5, ["small", "large"])
    assert pruned.densities() == {"small": 0.0, "large": 1.0}


@BOTH
def test_the_given_mask_and_weights_are_left_alone(prune: Prune) -> None:
    weights, mask = example(0)
    before, held = mask.copy(), {name: value.copy() for name, value in weights.items()}
    prune(weights, mask, 0.5, NAMES)
    assert mask == before
    assert all(np.array_equal(value, held[name]) for name, value in weights.items())


@BOTH
def test_a_share_above_one_is_refused(prune: Prune) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        prune(*example(0), 1.5, NAMES)


@BOTH
def test_no_names_change_nothing(prune: Prune) -> None:
    weights, mask = example(0)
    assert prune(weights, mask, 0.5, ()) == mask
