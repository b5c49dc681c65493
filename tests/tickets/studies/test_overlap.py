from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from fedprune.seeds import generator
from fedprune.tickets.studies.overlap import agreement, compare
from fedprune.types import Bools


def random_masks(rng: np.random.Generator, clients: int, sizes: list[int], density: float) -> list[Bools]:
    kept = [[rng.permutation(size) < round(size * density) for _ in range(clients)] for size in sizes]
    return [np.array(layer) for layer in kept]


def test_overlap_by_hand() -> None:
    layer = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], np.bool_)
    found = compare([layer])
    chance = hypergeom(4, 2, 2)
    assert found["jaccard"] == 1 / 3
    assert found["hamming"] == 0.5
    assert found["hamming_chance"] == (4 - 2 * chance.mean()) / 4
    assert found["z_mean"] == (1 - chance.mean()) / chance.std()
    assert found["agreement"] == 0


def test_the_expected_jaccard_index_is_that_of_the_hypergeometric_distribution() -> None:
    found = compare(random_masks(generator(0, "overlap"), 2, [400], 0.3))
    shared = np.arange(121)
    exact = float((hypergeom(400, 120, 120).pmf(shared) * shared / (240 - shared)).sum())
    assert found["jaccard_chance"] == pytest.approx(exact, rel=1e-4)


def test_equal_masks_agree_wholly_and_opposite_ones_not_at_all() -> None:
    layer = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]], np.bool_)
    assert agreement([layer]).tolist() == [[1, 1, -1], [1, 1, -1], [-1, -1, 1]]


def test_overlap_of_random_masks_is_indistinguishable_from_chance() -> None:
    """False alarms at the 5 % level over 300 runs; outside of 4 to 28 once in a thousand."""
    rng = generator(1, "overlap")
    z = np.array([compare(random_masks(rng, 10, [60, 200], 0.4))["z"] for _ in range(300)])
    assert 4 <= int((np.abs(z) > 1.96).sum()) <= 28
    assert abs(z.mean()) < 4 / 300**0.5


def test_layers_of_unequal_density_alone_make_no_overlap() -> None:
    """Pooled bits of a dense and a sparse layer would correlate; within layers they do not."""
    rng = generator(2, "overlap")
    layers = [*random_masks(rng, 10, [2000], 0.9), *random_masks(rng, 10, [2000], 0.1)]
    assert abs(compare(layers)["z"]) < 4
    assert abs(compare(layers)["agreement"]) < 0.02


def test_a_small_planted_overlap_is_seen() -> None:
    rng = generator(3, "overlap")
    layer = random_masks(rng, 10, [1000], 0.5)[0]
    layer[:, :50] = True
    assert compare([layer])["z"] > 5


def test_a_layer_that_nobody_pruned_says_nothing() -> None:
    assert compare([np.ones((3, 5), np.bool_)])["z"] is None
