from __future__ import annotations

import numpy as np
import pytest

from fedprune.seeds import generator
from fedprune.tickets.finished import NothingToStudyError
from fedprune.tickets.studies.leak import probe, targets
from fedprune.types import Bools

CLIENTS, FOLDS = 40, np.arange(40) % 5


def planted(rng: np.random.Generator, has: Bools) -> Bools:
    """Random masks of 400 bits in which those with label l more often keep bits 40l to 40l + 40."""
    likely = np.full((CLIENTS, 400), 0.5)
    for label, column in enumerate(has.T):
        likely[column, 40 * label : 40 * (label + 1)] = 0.9
    return np.asarray(rng.random((CLIENTS, 400)) < likely)


def labels(rng: np.random.Generator) -> Bools:
    """Two of five labels each."""
    return np.array([np.isin(np.arange(5), rng.permutation(5)[:2]) for _ in range(CLIENTS)])


def test_a_planted_leak_is_seen() -> None:
    rng = generator(0, "leak")
    has = labels(rng)
    found = probe([planted(rng, has)], has, FOLDS, rng, 199)
    assert found["auc"] > 0.9
    assert found["balanced_accuracy"] > 0.7
    assert found["p"] == 1 / 200
    assert all(p < 0.05 for p in found["label_p"])


def test_the_leak_is_gone_when_labels_are_shuffled_among_clients() -> None:
    """At the 5 % level over 100 shuffles; 14 or more would happen once in a thousand."""
    rng = generator(1, "leak")
    has = labels(rng)
    masks = planted(rng, has)
    found = [probe([masks], has[rng.permutation(CLIENTS)], FOLDS, rng, 39) for _ in range(100)]
    assert sum(record["p"] <= 0.05 for record in found) <= 13
    assert np.mean([record["auc"] for record in found]) == pytest.approx(0.5, abs=0.03)


def test_a_rare_label_does_not_lose_by_being_rare() -> None:
    rng = generator(2, "leak")
    has = (np.arange(CLIENTS) < 8)[:, None]
    found = probe([planted(rng, has)], has, rng.permutation(CLIENTS) % 5, rng, 99)
    assert found["balanced_accuracy"] > 0.7


def test_labels_that_all_or_few_clients_have_are_not_asked_for() -> None:
    samples = np.zeros((12, 3), np.int64)
    samples[:, 0] = 50
    samples[:6, 1] = samples[6:, 2] = 50
    samples[11, 2], samples[11, 1] = 0, 50
    has, names = targets(samples)
    assert names == [1, 2]
    assert has.sum(0).tolist() == [7, 5]
    with pytest.raises(NothingToStudyError, match="no label"):
        targets(samples[:4])
