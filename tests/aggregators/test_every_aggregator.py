"""What every aggregator promises: each file of the folder is held to this without being named here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.aggregation import Combiner, Over, Update
from fedprune.aggregators import Ballot
from fedprune.pruning.mask import Mask
from fedprune.types import Array, Arrays

EVERY = plugins.names("aggregators")
ROBUST = [name for name in EVERY if name not in ("mean", "ticket_similarity")]
"""Those that resist a client whose values are wild; one looks at masks alone."""

pytestmark = pytest.mark.parametrize("name", EVERY)

OLD: Arrays = {"w": np.full((4, 6), 7, np.float32), "b": np.full(3, 7, np.float32)}


def combined(
    name: str, updates: list[Update], *, over: Over = "holders", weighted: bool = False, old: Arrays = OLD
) -> Arrays:
    rule: Any = plugins.dataclass_of("aggregators", name)
    return Combiner(rule()).combine(old, updates, {}, over=over, weighted=weighted)


def heard(name: str, updates: list[Update]) -> list[Update]:
    """The replies of the clients whom a rule does not turn away."""
    rule: Any = plugins.dataclass_of("aggregators", name)
    ballots = {
        key: Ballot(
            tuple(update.client for update in updates),
            tuple(update.arrays[key] for update in updates),
            tuple(update.mask.get(key) for update in updates),
            np.ones(len(updates)),
            OLD[key],
        )
        for key in OLD
    }
    return [update for update in updates if update.client in rule().heard(ballots)["b"].clients]


def replies(clients: int, *, density: float = 0.6, seed: int = 0) -> list[Update]:
    """Replies of clients whose masks over ``w`` differ; what they do not hold is zero."""
    rng = np.random.default_rng(seed)
    found = []
    for client in range(clients):
        mask = Mask({"w": rng.random((4, 6)) < density})
        arrays = {key: rng.normal(size=value.shape).astype(np.float32) for key, value in OLD.items()}
        found.append(Update(client, int(rng.integers(1, 100)), mask.apply(arrays), mask))
    return found


def holders(updates: list[Update]) -> Array:
    """How many hold each coordinate of ``w``."""
    return np.sum([update.mask["w"] for update in updates], axis=0)


@pytest.mark.parametrize("over", ["holders", "all"])
@pytest.mark.parametrize("weighted", [False, True])
def test_arrival_does_not_change_a_bit(name: str, over: Over, weighted: bool) -> None:
    updates = replies(7, density=0.8)
    expected = combined(name, updates, over=over, weighted=weighted)
    arrived = [updates[at] for at in np.random.default_rng(1).permutation(len(updates))]
    found = combined(name, arrived, over=over, weighted=weighted)
    assert all(found[key].tobytes() == expected[key].tobytes() for key in OLD)


def test_what_a_client_does_not_hold_is_never_read(name: str) -> None:
    updates, lies = replies(6), replies(6)
    for update in lies:
        update.arrays["w"][~update.mask["w"]] = 1e30
    expected, found = combined(name, updates), combined(name, lies)
    assert found["w"].tobytes() == expected["w"].tobytes()


def test_where_nobody_holds_a_coordinate_its_old_value_stays(name: str) -> None:
    updates = replies(3, density=0.2)
    nobody = holders(heard(name, updates)) == 0
    assert nobody.any()
    assert np.all(combined(name, updates)["w"][nobody] == 7)
    assert not np.any(combined(name, updates)["w"][~nobody] == 7)


def test_over_all_only_moves_what_every_client_holds_that_is_heard(name: str) -> None:
    updates = replies(3)
    counted = heard(name, updates)
    everybody = holders(counted) == len(counted)
    found = combined(name, updates, over="all")["w"]
    assert everybody.any()
    assert np.all(found[~everybody] == 7)
    assert not np.any(found[everybody] == 7)


def test_a_single_clients_values_come_through_to_the_bit(name: str) -> None:
    (update,) = replies(1)
    found = combined(name, [update], weighted=True)
    assert found["b"].tobytes() == update.arrays["b"].tobytes()
    held = update.mask["w"]
    np.testing.assert_array_equal(found["w"], np.where(held, update.arrays["w"], 7))


def test_two_holders_that_count_alike_meet_in_the_middle(name: str) -> None:
    updates = replies(2, density=1.0)
    middle = (updates[0].arrays["b"].astype(np.float64) + updates[1].arrays["b"]) / 2
    np.testing.assert_allclose(combined(name, updates)["b"], middle, rtol=1e-5)


def test_equal_models_are_combined_to_themselves_to_the_bit(name: str) -> None:
    (update,) = replies(1, density=1.0)
    same = [Update(client, 1 + client, update.arrays, update.mask) for client in range(5)]
    found = combined(name, same, weighted=True)
    assert all(found[key].tobytes() == update.arrays[key].tobytes() for key in OLD)


def test_what_comes_out_is_finite_of_the_old_dtype_and_between_its_holders_and_before(name: str) -> None:
    updates = replies(9, density=0.5, seed=3)
    found = combined(name, updates, weighted=True)
    values = np.array([np.where(update.mask["w"], update.arrays["w"], np.nan) for update in updates])
    values = np.concatenate([values, OLD["w"][np.newaxis]])
    held = holders(updates) > 0
    assert all(found[key].dtype == np.float32 and np.isfinite(found[key]).all() for key in OLD)
    assert np.all(found["w"][held] >= np.nanmin(values[:, held], axis=0) - 1e-6)
    assert np.all(found["w"][held] <= np.nanmax(values[:, held], axis=0) + 1e-6)


def test_the_replies_and_the_old_weights_are_left_as_they_were(name: str) -> None:
    updates, untouched = replies(4), replies(4)
    combined(name, updates, weighted=True)
    for update, before in zip(updates, untouched, strict=True):
        assert all(update.arrays[key].tobytes() == before.arrays[key].tobytes() for key in OLD)
    assert np.all(OLD["w"] == 7)


@pytest.mark.parametrize("wild", [1e4, -1e4, 50.0])
def test_one_wild_client_of_five_moves_a_robust_rule_no_further_than_honest_ones_lie(
    name: str, wild: float
) -> None:
    updates = replies(5, density=1.0, seed=2)
    honest = np.array([update.arrays["w"] for update in updates[:4]])
    updates[4].arrays["w"][:] = wild
    off = np.abs(combined(name, updates)["w"] - honest.mean(axis=0)).max()
    if name in ROBUST:
        assert off <= np.ptp(honest, axis=0).max()
    else:
        assert off > 5
