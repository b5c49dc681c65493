"""PruneFL: the mask takes the weights that raise the gain per time, and moves in some rounds alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.pruning.mask import Mask
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.strategy import Server, Update
from fedprune.types import Arrays

from .toy import lend, row, toy_client

PruneFL: Any = plugins.load("strategies", "prunefl").PruneFL


def reshaped(strategy: Any, squares: list[float], before: dict[str, Any], round: int = 1) -> list[bool]:
    """What is alive of weights 1, 2, 3, 4 after a round of one client with these squared gradients."""
    server = Server(row(0, 0, 0, 0), before, round, prunable=("w",))
    arrays = {**row(1, 2, 3, 4), "square:w": np.float32([squares]), "square:b": np.float32([0])}
    strategy.aggregate(server, [Update(0, 5, arrays, Mask(before))])
    return [bool(kept) for kept in Mask(server.memory).get("w", np.ones((1, 4), bool))[0]]


@pytest.mark.parametrize(
    ("strategy", "alive"),
    [
        # 3 and 4 stay: gain 1 + 4 in time 2. Then 9 > 5/2 enters; 1 < 14/3 does not.
        (PruneFL(density=1.0, drop=0.5, constant=0.0), [1, 0, 1, 1]),
        # With a constant time of 10 * 4 the last one is worth it: 1 > 14/43.
        (PruneFL(density=1.0, drop=0.5, constant=10.0), [1, 1, 1, 1]),
        # No room: 3 and 4 are half already.
        (PruneFL(density=0.5, drop=0.5, constant=0.0), [0, 0, 1, 1]),
        (PruneFL(density=0.75, drop=0.5, constant=10.0), [1, 0, 1, 1]),
        # Only the smallest may go, whatever the density.
        (PruneFL(density=0.25, drop=0.25, constant=0.0), [0, 1, 1, 1]),
    ],
)
def test_a_reconfiguration_by_hand(strategy: Any, alive: list[int]) -> None:
    assert reshaped(strategy, [9, 1, 1, 4], {}) == [bool(kept) for kept in alive]


def test_what_is_dead_comes_back_where_its_gradient_is_large() -> None:
    before = {"w": np.array([[False, True, True, True]])}
    strategy = PruneFL(density=0.75, drop=0.34, constant=0.0)
    assert reshaped(strategy, [9, 1, 1, 4], before) == [True, False, True, True]


def test_a_biases_gain_takes_no_time() -> None:
    server = Server(row(0, 0), {}, 1, prunable=("w",))
    arrays = {**row(1, 2), "square:w": np.float32([[3, 4]]), "square:b": np.float32([5])}
    PruneFL(density=1.0, drop=0.5, constant=0.0).aggregate(server, [Update(0, 1, arrays, Mask())])
    # 4 + 5 in a time of 1: 3 is less.
    np.testing.assert_array_equal(server.memory["w"], [[False, True]])


def test_the_mask_moves_in_every_interval_th_round_from_the_first() -> None:
    strategy = PruneFL(interval=3, density=0.5, drop=0.5)
    moved = [reshaped(strategy, [9, 1, 1, 4], {}, round) != [True] * 4 for round in range(1, 8)]
    assert moved == [True, False, False, True, False, False, True]
    shapes = {"w": (1, 4), "square:w": (1, 4)}
    assert [len(strategy.part(shapes, "up", round)) for round in (1, 2, 4)] == [2, 1, 2]
    assert list(strategy.part(shapes, "down", 1)) == ["w"]


def test_clients_send_the_squares_of_their_mean_gradient_at_what_they_trained() -> None:
    seen: list[Arrays] = []
    client = toy_client(row(1, 2))
    lend(client, gradient=lambda weights: seen.append(weights) or row(-3, 0.5))
    sent = PruneFL().upload(client, {"w": (1, 2), "square:w": (1, 2)}).arrays
    np.testing.assert_array_equal(sent["square:w"], [[9, 0.25]])
    assert seen == [client.weights]


def test_in_a_run_density_falls_to_its_limit_and_squares_cost_bytes_in_their_rounds(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 4, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "lr": 0.05},
        "strategy": {"name": "prunefl", "interval": 2, "density": 0.6, "drop": 0.3},
        "engine": {"name": "in_process"},
    }
    (result,) = simulate.run(Scenario.from_dict(settings), out=tmp_path)
    up = [row["bytes_up_values"] for row in read_lines(result.folder / "rounds.jsonl")]
    # Dense, with squares in rounds 1 and 3; under 0.7 of the weights, later 0.6.
    assert up[0] == 2 * 4 * 2 * 13706
    assert up[1] < 0.72 * up[0] / 2
    assert up[3] < up[1]
    # At least 0.7 of 0.7 stays, and what enters beside it has to be worth its time.
    assert 0.49 < result.metrics["density"] <= 0.6


@pytest.mark.parametrize(
    ("field", "value"), [("density", 0.0), ("drop", 1.5), ("interval", 0), ("constant", -1.0)]
)
def test_settings_out_of_bounds_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must"):
        PruneFL(**{field: value})
