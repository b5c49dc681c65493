"""LotteryFL: prune what was received, rewind what is left, upload the ticket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.pruning.mask import Mask
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.strategy import Client, Server, Update
from fedprune.types import Arrays

from .toy import play, row, toy_client

LotteryFL: Any = plugins.load("strategies", "lottery_fl").LotteryFL

RECEIVED = row(5, -0.1, 4, 0.2, -3, 6, 7, 8, 9, 10)
INITIAL = row(-1, 2, -3, 4, -5, 6, -7, 8, -9, 10)


def ticket_holder(weights: Arrays, **fields: Any) -> Client:
    client = toy_client(weights, **fields)
    client.initial = {**INITIAL, "b": np.array([0.5], np.float32)}
    client.shared = client.mask
    return client


def test_what_survives_the_prune_of_received_weights_goes_back_to_its_initial_values() -> None:
    client = ticket_holder({**RECEIVED, "b": np.array([3], np.float32)})
    LotteryFL(step=0.2).before_training(client)
    # The two smallest of ten received weights go, whatever they were at first.
    np.testing.assert_array_equal(client.mask["w"], [[1, 0, 1, 0, 1, 1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(client.weights["w"], [[-1, 0, -3, 0, -5, 6, -7, 8, -9, 10]])
    np.testing.assert_array_equal(client.weights["b"], [0.5])


def test_a_second_step_prunes_a_share_of_what_is_alive() -> None:
    first = Mask({"w": np.array([[1, 0, 1, 0, 1, 1, 1, 1, 1, 1]])})
    client = ticket_holder(first.apply(RECEIVED), mask=first)
    LotteryFL(step=0.25).before_training(client)
    # A quarter of the eight alive: 3 and 4 of the received weights.
    np.testing.assert_array_equal(client.mask["w"], [[1, 0, 0, 0, 0, 1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(client.weights["w"], [[-1, 0, 0, 0, 0, 6, -7, 8, -9, 10]])


def test_the_target_is_met_exactly_and_then_nothing_is_rewound() -> None:
    mask, alive = Mask(), []
    for _ in range(5):
        client = ticket_holder(mask.apply(RECEIVED), mask=mask)
        LotteryFL(step=0.2, target=0.5).before_training(client)
        mask = client.mask
        alive.append(mask.kept)
    # 10, less 2, less 1 (a fifth of 8 is 1.6), and so on: never under the 5 of the target.
    assert alive == [8, 7, 6, 5, 5]
    np.testing.assert_array_equal(client.weights["w"], mask.apply(RECEIVED)["w"])


@pytest.mark.parametrize(("accuracy", "prunes"), [(0.49, False), (0.5, False), (0.51, True)])
def test_only_a_received_model_above_the_gate_is_pruned(accuracy: float, prunes: bool) -> None:
    client = ticket_holder(dict(RECEIVED), gate=accuracy)
    LotteryFL(gate=0.5).before_training(client)
    assert bool(client.mask) == prunes
    ((asked, mask),) = client.gate.asked  # type: ignore[attr-defined]
    np.testing.assert_array_equal(asked["w"], RECEIVED["w"])
    assert not mask
    if not prunes:
        np.testing.assert_array_equal(client.weights["w"], RECEIVED["w"])


def test_training_does_not_prune() -> None:
    client = ticket_holder(dict(RECEIVED))
    play(LotteryFL(step=0.2), client, [row(*[0.01] * 10), row(*range(1, 11))])
    assert client.mask.kept == 8
    np.testing.assert_array_equal(client.weights["w"], [[1, 0, 3, 0, 5, 6, 7, 8, 9, 10]])


def test_a_mask_goes_up_only_when_it_changed() -> None:
    client = ticket_holder(dict(RECEIVED))
    strategy = LotteryFL()
    assert strategy.upload(client, {"w": (1, 10)}).mask is None
    strategy.before_training(client)
    assert strategy.upload(client, {"w": (1, 10)}).mask == client.mask
    client.shared = client.mask
    assert strategy.upload(client, {"w": (1, 10)}).mask is None


def test_the_server_averages_over_holders_whatever_their_samples() -> None:
    updates = [
        Update(0, 1, row(2, 6, 0), Mask({"w": np.array([[1, 1, 0]])})),
        Update(1, 9, row(6, 0, 0), Mask({"w": np.array([[1, 0, 0]])})),
    ]
    np.testing.assert_array_equal(LotteryFL().aggregate(Server(row(7, 7, 7)), updates)["w"], [[4, 6, 7]])


@pytest.mark.parametrize("wrong", [{"target": 1.0}, {"step": -0.1}, {"gate": 1.0}])
def test_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        LotteryFL(**wrong)


def test_a_run_prunes_and_its_tickets_reach_the_target(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 6, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20, "validation": 0.25},
            "model": {"name": "mlp"},
            "train": {"epochs": 2, "lr": 0.05},
            "strategy": {"name": "lottery_fl", "gate": 0.0, "target": 0.5, "step": 0.25},
            "engine": {"name": "in_process"},
        }
    )
    (result,) = simulate.run(scenario, out=tmp_path)
    densities = [record["density"] for record in read_lines(result.folder / "rounds.jsonl")]
    assert densities == sorted(densities, reverse=True)
    assert densities[0] < 1
    # Half of 64*128 + 128*64 + 64*10 weights.
    assert densities[-1] == 0.5
