from __future__ import annotations

import numpy as np
import pytest

from fedprune.seeds import generator
from fedprune.tickets.statistics import Floats, holm, mantel, p_value, paired, shared_labels


def symmetric(rng: np.random.Generator, count: int) -> Floats:
    values = rng.random((count, count))
    return np.asarray(values + values.T)


def test_a_p_value_counts_the_seen_value_among_the_draws() -> None:
    assert p_value(3.0, np.array([1.0, 2.0, 4.0])) == 2 / 4
    assert p_value(9.0, np.zeros(99)) == 1 / 100


def test_a_matrix_that_follows_another_is_found_by_the_mantel_test() -> None:
    rng = generator(0, "mantel")
    first = symmetric(rng, 12)
    found = mantel(first, first**3, rng, 199)
    assert found["rho"] == pytest.approx(1)
    assert found["p"] == 1 / 200
    assert mantel(first, -first, rng, 199)["p"] == 1


def test_unrelated_matrices_are_called_related_as_rarely_as_promised() -> None:
    """At the 5 % level over 200 pairs; 21 or more would happen once in a thousand."""
    rng = generator(1, "mantel")
    alarms = sum(mantel(symmetric(rng, 8), symmetric(rng, 8), rng, 99)["p"] <= 0.05 for _ in range(200))
    assert alarms <= 20


def test_a_constant_matrix_correlates_with_nothing() -> None:
    rng = generator(2, "mantel")
    assert mantel(np.ones((5, 5)), symmetric(rng, 5), rng, 9) == {"rho": None, "p": None, "permutations": 0}


def test_paired_differences_by_hand() -> None:
    found = paired([1.0, 2.0, 3.0], generator(0, "paired"), 999)
    assert found["mean"] == 2
    assert found["effect"] == 2
    # Student's t with 2 degrees of freedom: 4.3027, times 1 / sqrt(3).
    assert found["high"] - found["mean"] == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    # Two of the eight sign patterns are as extreme, and each is taken once.
    assert found["p"] == 0.25


def test_one_client_says_nothing_about_the_sign_of_a_difference() -> None:
    found = paired([0.5], generator(0, "paired"), 99)
    assert (found["p"], found["low"], found["effect"]) == (1.0, None, None)


def test_all_orders_of_few_clients_are_taken_once() -> None:
    rng = generator(4, "mantel")
    first = symmetric(rng, 5)
    assert mantel(first, first, rng, 999) == {"rho": pytest.approx(1), "p": 1 / 120, "permutations": 120}


def test_intervals_hold_the_true_difference_nineteen_times_in_twenty() -> None:
    rng = generator(3, "paired")
    found = [paired(list(rng.normal(0.3, 1, 20)), rng, 9) for _ in range(400)]
    held = sum(record["low"] <= 0.3 <= record["high"] for record in found)
    assert 363 <= held <= 394


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.9]) == [1, 1]
    assert holm([]) == []


def test_shared_labels_are_what_two_distributions_have_in_common() -> None:
    labels = np.array([[250, 250, 0], [0, 10, 10], [0, 0, 7]])
    assert shared_labels(labels).tolist() == [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
