from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from fedprune.seeds import generator
from fedprune.tickets.studies.clusters import adjusted_rand, compare
from fedprune.tickets.studies.overlap import agreement
from fedprune.types import Bools

GROUPS = np.repeat(np.arange(3), 6)
LABELS = (GROUPS[:, None] != GROUPS[None, :]).astype(np.float64)


def masks(rng: np.random.Generator, alike: float) -> Bools:
    """(18, 500): members of a group take a share of their bits from a common mask."""
    common = rng.random((3, 500)) < 0.5
    own = rng.random((18, 500)) < 0.5
    return np.where(rng.random((18, 500)) < alike, common[GROUPS], own)


def test_planted_clusters_are_found() -> None:
    rng = generator(0, "clusters")
    found = compare(1 - agreement([masks(rng, 0.5)]), LABELS, rng, 199)
    assert {cut["clusters"]: cut["ari"] for cut in found["cuts"]}[3] == 1
    assert found["p"] == 1 / 200
    groups = GROUPS[found["order"]]
    assert np.count_nonzero(np.diff(groups)) == 2


def test_masks_without_clusters_are_called_clustered_as_rarely_as_promised() -> None:
    """At the 5 % level over 60 runs; 11 or more would happen once in a thousand."""
    rng = generator(1, "clusters")
    found = [compare(1 - agreement([masks(rng, 0)]), LABELS, rng, 39)["p"] for _ in range(60)]
    assert sum(p <= 0.05 for p in found) <= 10


def test_the_adjusted_rand_index_is_that_of_scikit_learn() -> None:
    rng = generator(2, "clusters")
    for count in (1, 2, 5):
        first, second = rng.integers(0, 3, 30), rng.integers(0, count, 30)
        members = [(given[:, None] == np.arange(5)).astype(np.float64) for given in (first, second)]
        assert adjusted_rand(*members) == pytest.approx(adjusted_rand_score(first, second))
