"""Layer budgets, first masks, and places that move: exact counts, by hand and for any mask."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedprune.pruning.mask import Mask
from fedprune.pruning.regrow import (
    Layers,
    cosine_share,
    drop_and_regrow,
    erk_densities,
    keep_largest,
    layer_counts,
    random_mask,
    regrow,
)
from fedprune.pruning.select import share_of
from fedprune.seeds import generator
from fedprune.types import Shapes

few_values = arrays(np.float32, (4, 5), elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]))
some_shapes = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple), min_size=1
)
some_density = st.floats(0.01, 1.0)


def test_erk_keeps_in_proportion_to_the_sum_over_the_product_of_a_shape() -> None:
    # Raw 20/100 and 70/1000; a scale of 220/90 keeps 20 + 70 times that of 1,100, so 0.2 of all.
    found = erk_densities({"small": (10, 10), "large": (20, 50)}, 0.2)
    assert found == {"small": pytest.approx(22 / 9 * 0.2), "large": pytest.approx(22 / 9 * 0.07)}


def test_a_kernel_counts_its_height_and_width_too() -> None:
    found = erk_densities({"conv": (6, 4, 5, 5), "fc": (20, 30)}, 0.1)
    assert found["conv"] / found["fc"] == pytest.approx((20 / 600) / (50 / 600))


def test_a_layer_that_erk_would_overfill_is_whole_and_the_others_share_the_rest() -> None:
    found = erk_densities({"tiny": (2, 2), "large": (10, 10), "larger": (20, 10)}, 0.5)
    assert found["tiny"] == 1.0
    # 152 of 304 less 4 leaves 148 for 20 + 30 parts.
    assert found["large"] == pytest.approx(148 / 50 * 0.2)
    assert found["larger"] == pytest.approx(148 / 50 * 0.15)


@settings(derandomize=True, deadline=None)
@given(some_shapes, some_density, st.sampled_from(["erk", "uniform"]))
def test_layers_together_keep_exactly_the_density(shapes: Shapes, density: float, layers: Layers) -> None:
    counts = layer_counts(shapes, density, layers)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    assert sum(counts.values()) == round(density * sum(sizes.values()))
    assert all(0 <= counts[name] <= sizes[name] for name in shapes)
    if layers == "uniform":
        assert all(abs(counts[name] - density * sizes[name]) <= 1 for name in shapes)


@pytest.mark.parametrize("density", [0.0, -0.5, 1.1, float("nan")])
def test_a_density_outside_zero_and_one_is_refused(density: float) -> None:
    with pytest.raises(ValueError, match=r"lies in \(0, 1\]"):
        layer_counts({"w": (2, 2)}, density, "erk")


def test_random_masks_have_the_counts_and_another_generator_gives_another() -> None:
    shapes, counts = {"w": (4, 5), "v": (3, 3)}, {"w": 7, "v": 2}
    first = random_mask(shapes, counts, generator(0, "mask"))
    assert {name: int(kept.sum()) for name, kept in first.items()} == counts
    assert first == random_mask(shapes, counts, generator(0, "mask"))
    assert first != random_mask(shapes, counts, generator(1, "mask"))


def test_every_place_is_as_likely_in_a_random_mask() -> None:
    rng = generator(0, "mask")
    often = sum(random_mask({"w": (2, 5)}, {"w": 3}, rng)["w"].astype(int) for _ in range(2000))
    # 600 expected, with a standard deviation of about 20.
    assert np.abs(np.asarray(often) - 600).max() < 100


def test_the_largest_are_kept_of_what_is_alive_and_ties_go_by_index() -> None:
    values = {"w": np.array([[9, -3, 2, 3, 1, -2]], np.float32)}
    alive = Mask({"w": np.array([[False, True, True, True, True, True]])})
    kept = keep_largest(values, alive, {"w": 3})
    np.testing.assert_array_equal(kept["w"], [[False, True, True, True, False, False]])
    assert keep_largest(values, alive, {"w": 6}) == alive
    np.testing.assert_array_equal(keep_largest(values, Mask(), {"w": 1})["w"], [[True, *[False] * 5]])


def test_dead_places_of_the_largest_gradient_come_alive_ties_by_index() -> None:
    mask = Mask({"w": np.array([[True, False, False, False, False]]), "v": np.array([[True, False]])})
    gradient = {"w": np.array([[9, -2, 0.5, 2, 3]], np.float32)}
    grown = regrow(mask, gradient, {"w": 2})
    np.testing.assert_array_equal(grown["w"], [[True, True, False, False, True]])
    np.testing.assert_array_equal(grown["v"], mask["v"])


def test_the_smallest_weights_move_to_the_largest_gradients() -> None:
    mask = Mask({"w": np.array([[True, True, True, True, False, False, False]])})
    weights = {"w": np.array([[0.1, -4, 0.2, 3, 0, 0, 0]], np.float32)}
    gradient = {"w": np.array([[0, 9, 5, 9, 1, 6, 2]], np.float32)}
    # 0 and 2 go; of the dead, 5 has the largest gradient and 2, just dropped, the next.
    moved = drop_and_regrow(mask, weights, gradient, 0.5, ("w",))
    np.testing.assert_array_equal(moved["w"], [[False, True, True, True, False, True, False]])


@settings(derandomize=True, deadline=None)
@given(arrays(np.bool_, (4, 5)), few_values, few_values, st.floats(0, 1))
def test_counts_never_change_and_at_most_the_share_moves(
    kept: np.ndarray, weights: np.ndarray, gradient: np.ndarray, share: float
) -> None:
    mask = Mask({"w": kept})
    moved = drop_and_regrow(mask, {"w": weights}, {"w": gradient}, share, ("w",))
    assert moved.kept == mask.kept
    gone, come = kept & ~moved["w"], moved["w"] & ~kept
    dropped = share_of(share, mask.kept)
    assert gone.sum() <= dropped
    if gone.any():
        assert np.abs(weights[gone]).max() <= np.sort(np.abs(weights[kept]))[dropped - 1]
        assert np.abs(gradient[come]).min() >= np.abs(gradient[~moved["w"]]).max(initial=0)


def test_the_share_falls_as_a_cosine_and_stays_at_nothing() -> None:
    assert [cosine_share(0.5, step, 4) for step in range(7)] == pytest.approx(
        [0.5, 0.25 * (1 + math.sqrt(0.5)), 0.25, 0.25 * (1 - math.sqrt(0.5)), 0, 0, 0]
    )
