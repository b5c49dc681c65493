"""Iterative pruning step by step: the schedule's sparsity, the gate, blocks of a residual net."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.aggregation import Update
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario
from fedprune.scenario.errors import ScenarioError
from fedprune.strategy import Server
from fedprune.types import UserError

from .toy import lend, play, row, toy_client

IterativePruning: Any = plugins.load("strategies", "iterative_pruning").IterativePruning

TEN = row(0.1, -0.2, 3, 4, -5, 6, 7, 8, 9, 10)


def test_each_participation_takes_the_step_of_what_is_alive_down_to_the_target() -> None:
    client, strategy, kept = toy_client(TEN), IterativePruning(step=0.5, target=0.8), []
    for _ in range(4):
        play(strategy, client, [TEN])
        kept.append(np.flatnonzero(client.mask["w"]).tolist())
    assert kept == [[5, 6, 7, 8, 9], [7, 8, 9], [8, 9], [8, 9]]
    np.testing.assert_array_equal(client.weights["w"], [[0, 0, 0, 0, 0, 0, 0, 0, 9, 10]])


def test_a_refused_mask_changes_nothing_and_the_step_is_asked_for_again() -> None:
    client, strategy = toy_client(TEN, gate=0.4), IterativePruning(step=0.5, gate=0.5)
    play(strategy, client, [TEN])
    assert not client.mask
    assert not client.state
    np.testing.assert_array_equal(client.weights["w"], TEN["w"])
    client.gate.accuracy = 0.5
    play(strategy, client, [TEN])
    assert client.mask.kept == 5
    asked, mask = client.gate.asked[-1]
    assert mask == client.mask
    np.testing.assert_array_equal(asked["w"], client.weights["w"])


def test_the_gradual_schedule_follows_the_round_whoever_takes_part() -> None:
    strategy = IterativePruning(schedule="gradual", first_round=1, last_round=3, target=0.8)
    kept = []
    for round in (1, 2, 3, 4):
        client = toy_client(TEN)
        client.round = round
        play(strategy, client, [TEN])
        kept.append(client.mask.kept if client.mask else 10)
    # 0.8 (1 - 0.5^3) is 0.7 in the middle.
    assert kept == [10, 3, 2, 2]


@pytest.mark.parametrize("schedule", ["one_shot", "iterative", "gradual"])
def test_nothing_goes_before_the_first_round_of_pruning_and_no_gate_is_asked(schedule: str) -> None:
    client = toy_client(TEN)
    client.round = 4
    play(IterativePruning(schedule=schedule, first_round=5, last_round=9), client, [TEN])
    assert not client.mask
    assert not client.gate.asked
    assert not client.state


def test_one_shot_goes_to_the_target_at_once() -> None:
    client = toy_client(TEN)
    play(IterativePruning(schedule="one_shot", target=0.5), client, [TEN])
    assert client.mask.kept == 5


def test_the_gradient_of_the_client_decides_when_the_criterion_asks_for_it() -> None:
    client = toy_client(TEN)
    lend(client, gradient=lambda weights, *, batches=None: row(9, 8, 7, 6, 5, 4, 3, 2, 1, 0))
    play(IterativePruning(schedule="one_shot", target=0.5, criterion="gradient"), client, [TEN])
    assert client.mask["w"].tolist() == [[True] * 5 + [False] * 5]


def test_the_server_averages_each_coordinate_over_its_holders() -> None:
    server = Server(weights=row(5, 5, 5))
    updates = [
        Update(0, 1, row(1, 2, 0), Mask({"w": np.array([[True, True, False]])})),
        Update(1, 9, row(3, 0, 0), Mask({"w": np.array([[True, False, False]])})),
    ]
    np.testing.assert_array_equal(IterativePruning().aggregate(server, updates)["w"], [[2, 2, 5]])


def test_masks_cover_what_goes_with_channels_and_blocks() -> None:
    made = architecture("resnet20", (1, 8, 8), 4, {"width": 0.25})
    weights = IterativePruning().masked(made.prunable, made.groups)
    blocks = IterativePruning(layers=0.3).masked(made.prunable, made.groups)
    channels = IterativePruning(granularity="channel").masked(made.prunable, made.groups)
    assert weights == made.prunable
    assert set(weights) < set(blocks) < set(channels)
    assert "stage1block1.norm1.weight" in blocks
    assert "stage1block1.norm2.weight" not in blocks


SMALL: dict[str, Any] = {
    "run": {"rounds": 2, "clients_per_round": 2},
    "partition": {"name": "shards", "clients": 2, "shards_per_client": 2, "shard_size": 20},
    "train": {"epochs": 1},
    "engine": {"name": "in_process"},
}


def run(model: dict[str, Any], strategy: dict[str, Any], runs: Path) -> dict[str, Any]:
    scenario = {**SMALL, "model": model, "strategy": {"name": "iterative_pruning", **strategy}}
    return simulate.run([Scenario.from_dict(scenario)], out=runs)[0].metrics


def test_blocks_of_a_residual_net_go_and_so_do_their_multiply_adds(tmp_path: Path) -> None:
    model = {"name": "resnet20", "width": 0.25}
    one_shot = {"schedule": "one_shot", "target": 0.0}
    whole = run(model, one_shot, tmp_path)
    less = run(model, {**one_shot, "layers": 0.5}, tmp_path)
    assert less["multiply_adds"] < 0.75 * whole["multiply_adds"]
    assert whole["density"] == 1.0
    assert less["density"] < 1.0


def test_blocks_of_a_net_without_shortcuts_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"granularity 'layer': the model has no residual blocks.*resnet20"):
        run({"name": "digits_cnn"}, {"layers": 0.5}, tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("criterion", "magnitud", "did you mean 'magnitude'"),
        ("target", 1.0, "must lie in"),
        ("layers", -0.1, "must lie in"),
        ("step", 0.0, "must lie in"),
        ("gate", 1.1, "must lie in"),
        ("first_round", 0, "count from 1"),
        ("last_round", 0, "before first_round = 1"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_their_key(field: str, value: float | str, why: str) -> None:
    with pytest.raises(ScenarioError, match=rf"{field}.*{why}"):
        Scenario.from_dict({"strategy": {"name": "iterative_pruning", field: value}})
