"""Stale updates: the server moves by the weighted mean of what clients changed, over those who hold it."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.aggregation import Combiner, Update
from fedprune.federation.server.staleness import Staleness
from fedprune.pruning.mask import Mask
from fedprune.types import Array, Arrays


def array(*values: float) -> Array:
    return np.array(values, np.float32)


def update(client: int, values: Array, mask: Mask | None = None, samples: int = 10) -> Update:
    return Update(client, samples, {"w": values}, mask or Mask())


def combined(updates: list[Update], old: Arrays, *, weighted: bool = False) -> Array:
    return Combiner().combine(old, updates, {}, over="holders", weighted=weighted)["w"]


@pytest.mark.parametrize(("rounds", "weight"), [(0, 1.0), (1, 0.5**0.5), (3, 0.5), (8, 1 / 3)])
def test_the_weight_of_the_paper_is_one_over_the_root_of_one_more_than_the_staleness(
    rounds: int, weight: float
) -> None:
    assert Staleness(rounds, 0.5).weight == pytest.approx(weight)


def test_without_an_exponent_all_updates_count_alike() -> None:
    assert Staleness(7, 0.0).weight == 1


def test_an_update_that_is_not_stale_stays_as_it_is() -> None:
    fresh = update(1, array(0.1, 0.7))
    assert Staleness(0, 0.5).rebased(fresh, {"w": array(9, 9)}, {"w": array(5, 5)}, ()) is fresh


def test_the_server_moves_by_the_mean_of_the_weighted_changes() -> None:
    now, sent = {"w": array(10, 20)}, {"w": array(1, 2)}
    fresh = Staleness(0, 0.5).rebased(update(1, array(12, 20)), now, now, ())
    stale = Staleness(3, 0.5).rebased(update(2, array(5, 0)), sent, now, ())
    # The changes are (2, 0) and (4, -2); the second counts a half.
    assert combined([fresh, stale], now).tolist() == [10 + (2 + 2) / 2, 20 + (0 - 1) / 2]


def test_samples_weigh_the_changes_where_the_method_says_so() -> None:
    now, sent = {"w": array(0)}, {"w": array(1)}
    one = Staleness(3, 0.5).rebased(update(1, array(5), samples=30), sent, now, ())
    other = Staleness(3, 0.5).rebased(update(2, array(1), samples=10), sent, now, ())
    assert combined([one, other], now, weighted=True).tolist() == [0.5 * 4 * 30 / 40]


def test_only_the_holders_of_a_coordinate_move_it() -> None:
    now, sent = {"w": array(10, 10, 10)}, {"w": array(0, 0, 0)}
    first, second = (Mask({"w": np.array(kept, bool)}) for kept in ([1, 1, 0], [0, 1, 0]))
    one = Staleness(3, 0.5).rebased(update(1, array(4, 4, 0), first), sent, now, ())
    other = Staleness(3, 0.5).rebased(update(2, array(0, 8, 0), second), sent, now, ())
    assert combined([one, other], now).tolist() == [10 + 2, 10 + (2 + 4) / 2, 10]


def test_running_statistics_are_mixed_so_that_no_variance_becomes_negative() -> None:
    now, sent = {"w": array(0.1)}, {"w": array(5)}
    mixed = Staleness(3, 0.5).rebased(update(1, array(0.3)), sent, now, {"w"})
    assert mixed.arrays["w"] == pytest.approx(0.2)


def test_what_was_not_sent_down_or_is_no_weight_of_the_server_stays_as_the_client_says() -> None:
    stale = Update(1, 10, {"w": array(1), "extra": array(3)}, Mask())
    found = Staleness(2, 0.5).rebased(stale, {"extra": array(9)}, {"w": array(7)}, ())
    assert (found.arrays["w"].tolist(), found.arrays["extra"].tolist()) == ([1], [3])
