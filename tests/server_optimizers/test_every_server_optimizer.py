"""What every server optimizer promises: each file of the folder is held to this without being named here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.aggregation import Combiner, Update
from fedprune.pruning.mask import Mask
from fedprune.runs.arrays import pack, unpack
from fedprune.types import Arrays

EVERY = plugins.names("server_optimizers")

pytestmark = pytest.mark.parametrize("name", EVERY)

OLD: Arrays = {"w": np.zeros((3, 4), np.float32), "bn.running_var": np.ones(2, np.float32)}


def combiner(name: str) -> Combiner:
    optimizer: Any = plugins.dataclass_of("server_optimizers", name)
    return Combiner(optimizer=optimizer(), statistics=frozenset({"bn.running_var"}))


def replies(round: int, density: float = 0.5) -> list[Update]:
    """Two clients' replies of a round, whose masks over ``w`` differ."""
    rng = np.random.default_rng(round)
    found = []
    for client in range(2):
        arrays = {key: rng.normal(size=value.shape).astype(np.float32) for key, value in OLD.items()}
        arrays["bn.running_var"] = np.abs(arrays["bn.running_var"])
        found.append(Update(client, 1, arrays, Mask({"w": rng.random((3, 4)) < density})))
    return found


def held(updates: list[Update]) -> Any:
    """The coordinates of ``w`` that some client holds."""
    return np.logical_or(*(update.mask["w"] for update in updates))


def played(name: str, weights: Arrays, moments: Arrays, rounds: range) -> Arrays:
    for round in rounds:
        weights = combiner(name).combine(weights, replies(round), moments, over="holders", weighted=False)
    return weights


def test_nothing_moves_where_nobody_holds_a_coordinate_not_even_momentum(name: str) -> None:
    moments: Arrays = {}
    weights = played(name, OLD, moments, range(3))
    before, updates = {key: value.copy() for key, value in moments.items()}, replies(3, density=0.3)
    after = combiner(name).combine(weights, updates, moments, over="holders", weighted=False)
    nobody = ~held(updates)
    assert nobody.any()
    assert after["w"][nobody].tobytes() == weights["w"][nobody].tobytes()
    assert all(moments[key][nobody].tobytes() == before[key][nobody].tobytes() for key in before)
    assert not np.array_equal(after["w"], weights["w"])


def test_it_moves_towards_what_was_combined(name: str) -> None:
    updates = replies(0, density=1.0)
    mean = np.mean([update.arrays["w"] for update in updates], axis=0)
    after = combiner(name).combine(OLD, updates, {}, over="holders", weighted=False)
    assert np.all(np.sign(after["w"]) == np.sign(mean))


def test_running_statistics_take_the_combined_value_itself(name: str) -> None:
    moments: Arrays = {}
    after = played(name, OLD, moments, range(4))
    mean = np.mean([update.arrays["bn.running_var"].astype(np.float64) for update in replies(3)], axis=0)
    np.testing.assert_array_equal(after["bn.running_var"], mean.astype(np.float32))
    assert not any("bn.running_var" in key for key in moments)


def test_a_run_taken_up_from_what_was_written_goes_on_to_the_same_bits(name: str) -> None:
    moments: Arrays = {}
    whole = played(name, OLD, moments, range(6))
    kept: Arrays = {}
    half = played(name, OLD, kept, range(3))
    resumed = unpack(pack(kept))
    rest = played(name, unpack(pack(half)), resumed, range(3, 6))
    assert all(rest[key].tobytes() == whole[key].tobytes() for key in OLD)
    assert moments.keys() == resumed.keys()
    assert all(moments[key].tobytes() == resumed[key].tobytes() for key in moments)


def test_everything_stays_finite_and_float32_even_when_nothing_changes(name: str) -> None:
    moments: Arrays = {}
    still = [Update(0, 1, {"w": OLD["w"].copy()}, Mask())]
    for _ in range(3):
        weights = combiner(name).combine(OLD, still, moments, over="holders", weighted=False)
        assert np.array_equal(weights["w"], OLD["w"])
    for value in [*weights.values(), *moments.values()]:
        assert value.dtype == np.float32
        assert np.isfinite(value).all()


def test_the_old_weights_are_left_as_they_were(name: str) -> None:
    before = {key: value.copy() for key, value in OLD.items()}
    played(name, OLD, {}, range(2))
    assert all(np.array_equal(OLD[key], before[key]) for key in OLD)
