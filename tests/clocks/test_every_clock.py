"""Clocks: what every one of them keeps to, and what each says of its clients."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.clocks import Clock, Rates
from fedprune.clocks.constant import Constant
from fedprune.clocks.lognormal import LogNormal
from fedprune.clocks.table import Table
from fedprune.clocks.trace import Trace
from fedprune.clocks.two_groups import TwoGroups
from fedprune.scenario import Scenario, ScenarioError

EVERY = plugins.names("clocks")
RATES = ("seconds_per_multiply_add", "bytes_per_second_down", "bytes_per_second_up")


def computing(clock: Clock, clients: int, *, round: int = 1, seed: int = 0) -> np.ndarray[Any, Any]:
    """Each client's seconds for a multiply-add."""
    return np.array([clock.rates(each, round, seed).seconds_per_multiply_add for each in range(clients)])


def test_seconds_are_those_of_the_way_down_of_computing_and_of_the_way_up() -> None:
    rates = Rates(seconds_per_multiply_add=0.5, bytes_per_second_down=10, bytes_per_second_up=4)
    assert rates.seconds(6, 20, 8) == 2 + 3 + 2
    assert rates.seconds(0, 0, 0) == 0
    assert rates.slower(3).seconds(6, 20, 8) == pytest.approx(3 * 7)


@pytest.mark.parametrize("name", EVERY)
def test_a_client_is_as_fast_whenever_it_is_asked_for(name: str) -> None:
    clock: Clock = plugins.dataclass_of("clocks", name)()
    first = [clock.rates(client, round, 7) for client in (0, 3) for round in (1, 2)]
    assert first == [clock.rates(client, round, 7) for client in (0, 3) for round in (1, 2)]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("field", RATES)
@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_that_nothing_can_have_is_refused_by_its_key(name: str, field: str, rate: float) -> None:
    hint = {each.name: each.default for each in dataclasses.fields(plugins.dataclass_of("clocks", name))}
    value = [rate] if isinstance(hint[field], tuple) else rate
    with pytest.raises(ScenarioError, match=f"{field}: must be a finite number above 0"):
        Scenario.from_dict({"clock": {"name": name, field: value}})


def test_of_two_groups_the_slow_one_takes_as_many_times_as_long_as_asked() -> None:
    found = computing(TwoGroups(slow=0.25, slowdown=8.0), 400)
    assert set(found) == {1e-9, 8e-9}
    assert 0.18 < np.mean(found > 1e-9) < 0.32


def test_other_seeds_draw_other_clients_as_the_slow_ones() -> None:
    assert (computing(TwoGroups(), 50) != computing(TwoGroups(), 50, seed=1)).any()


def test_lognormal_clients_have_the_typical_one_as_their_median_and_the_spread_asked_for() -> None:
    logs = np.log(computing(LogNormal(compute_sigma=0.8), 2000) / 1e-9)
    assert np.median(logs) == pytest.approx(0, abs=0.06)
    assert logs.std() == pytest.approx(0.8, abs=0.05)
    assert (computing(LogNormal(compute_sigma=0.0), 5) == 1e-9).all()


def test_without_a_spread_all_clients_are_the_typical_one() -> None:
    assert LogNormal(compute_sigma=0.0, connection_sigma=0.0).rates(4, 2, 1) == Constant().rates(0, 1, 0)


def test_rows_of_a_table_are_taken_in_turn() -> None:
    table = Table((1.0, 2.0), (10.0, 20.0), (3.0, 4.0))
    assert [table.rates(client, 1, 0) for client in range(3)] == [
        Rates(1.0, 10.0, 3.0),
        Rates(2.0, 20.0, 4.0),
        Rates(1.0, 10.0, 3.0),
    ]


def test_a_table_whose_columns_differ_in_length_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes_per_second_up: 1 rows, the first column has 2"):
        Table((1.0, 2.0), (10.0, 20.0), (3.0,))


def test_a_trace_is_followed_from_round_to_round_and_begins_again() -> None:
    trace = Trace(slowdown=((1.0, 5.0), (2.0,)), seconds_per_multiply_add=1.0)
    assert computing(trace, 3, round=1).tolist() == [1.0, 2.0, 1.0]
    assert computing(trace, 3, round=2).tolist() == [5.0, 2.0, 5.0]
    assert computing(trace, 3, round=3).tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"name": "two_groups", "slow": 1.5}, r"\[clock\] slow: must lie in \[0, 1\], got 1.5"),
        ({"name": "two_groups", "slowdown": 0.5}, r"slowdown: must lie in \[1, 1000000\]"),
        ({"name": "lognormal", "connection_sigma": -1.0}, r"connection_sigma: must lie in \[0, 10\]"),
        ({"name": "trace", "slowdown": [[1.0], []]}, "slowdown: a trace needs at least one entry"),
        ({"name": "trace", "slowdown": [[0.0]]}, r"slowdown: must lie in \(0, 1000000\]"),
        ({"slowdown": 2.0}, r"\[clock\] slowdown: belongs to a clock: set \[clock\] name as well"),
        ({"name": "two_group"}, "did you mean"),
    ],
)
def test_what_no_clock_can_be_is_told_in_one_line(keys: dict[str, Any], what: str) -> None:
    with pytest.raises(ScenarioError, match=what):
        Scenario.from_dict({"clock": keys})
