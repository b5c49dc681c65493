"""FedLTN: no rewinding, batch norms at home, the best client's model as a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.aggregation import Combiner
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.server_optimizers.momentum import Momentum
from fedprune.strategy import Server, Update
from fedprune.types import Arrays

from .toy import play, row, toy_client

FedLTN: Any = plugins.load("strategies", "fedltn").FedLTN

TRAINED = row(5, -0.1, 4, 0.2, -3, 6, 7, 8, 9, 10)


def test_weights_that_survive_a_prune_keep_their_trained_values() -> None:
    client = toy_client(row(*[1] * 10))
    client.initial = row(*[-1] * 10)
    play(FedLTN(step=0.2, jump_start=False), client, [row(*[2] * 10), TRAINED])
    np.testing.assert_array_equal(client.mask["w"], [[1, 0, 1, 0, 1, 1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(client.weights["w"], [[5, 0, 4, 0, -3, 6, 7, 8, 9, 10]])


@pytest.mark.parametrize(("accuracy", "prunes"), [(0.5, False), (0.51, True)])
def test_only_a_trained_model_above_the_gate_is_pruned(accuracy: float, prunes: bool) -> None:
    client = toy_client(row(*[1] * 10), gate=accuracy)
    play(FedLTN(gate=0.5, jump_start=False), client, [row(*[2] * 10), TRAINED])
    assert bool(client.mask) == prunes
    ((asked, _),) = client.gate.asked  # type: ignore[attr-defined]
    np.testing.assert_array_equal(asked["w"], TRAINED["w"])


def test_the_target_is_met_exactly() -> None:
    mask, alive = Mask(), []
    for _ in range(5):
        client = toy_client(mask.apply(TRAINED), mask=mask)
        FedLTN(step=0.2, target=0.5, jump_start=False).after_training(client)
        mask = client.mask
        alive.append(mask.kept)
    assert alive == [8, 7, 6, 5, 5]


def test_whole_batch_norms_stay_at_home_and_group_norms_travel() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    travelling = FedLTN(jump_start=False).travels(made.shapes, made.statistics)
    norms = {f"{layer}.{part}" for layer in ("bn1", "bn2") for part in ("weight", "bias")}
    assert made.shapes.keys() - travelling.keys() == made.statistics | norms
    plain = architecture("digits_cnn", (1, 8, 8), 10)
    assert FedLTN(jump_start=False).travels(plain.shapes, plain.statistics) == plain.shapes


def test_the_accuracy_travels_up_in_the_first_round_and_never_down() -> None:
    strategy = FedLTN()
    every = strategy.travels({"w": (1, 10)}, frozenset())
    asks = {way: [round for round in (1, 2, 3) if len(strategy.part(every, way, round)) == 2] for way in WAYS}
    assert asks == {"down": [], "up": [1]}


WAYS = ("down", "up")


def test_in_the_jump_start_a_client_prunes_nothing_and_reports_its_accuracy() -> None:
    client = toy_client(row(*[1] * 10), gate=0.75)
    strategy = FedLTN()
    play(strategy, client, [row(*[2] * 10), TRAINED])
    payload = strategy.upload(client, strategy.travels({"w": (1, 10)}, frozenset()))
    assert payload.mask is None
    np.testing.assert_array_equal(payload.arrays["w"], TRAINED["w"])
    (accuracy,) = (value for name, value in payload.arrays.items() if name != "w")
    assert accuracy == 0.75
    assert accuracy.shape == ()


def reply(client: int, accuracy: float, *values: float) -> Update:
    return Update(client, 1, {**row(*values), "validation_score": np.array(accuracy, np.float32)}, Mask())


def test_after_the_jump_start_the_server_holds_the_best_clients_model() -> None:
    server = Server({**row(0, 0), "bn.weight": np.ones(2, np.float32)}, round=1)
    updates = [reply(0, 0.5, 1, 2), reply(3, 0.9, 3, 4), reply(4, 0.9, 5, 6), reply(7, 0.1, 7, 8)]
    weights = FedLTN().aggregate(server, updates)
    np.testing.assert_array_equal(weights["w"], [[3, 4]])
    np.testing.assert_array_equal(weights["bn.weight"], [1, 1])
    assert list(weights) == ["w", "bn.weight"]


@pytest.mark.parametrize(("round", "jump_start"), [(2, True), (1, False)])
def test_otherwise_it_averages_over_holders(round: int, jump_start: bool) -> None:
    updates = [
        Update(0, 1, row(2, 6, 0), Mask({"w": np.array([[1, 1, 0]])})),
        Update(1, 9, row(6, 0, 0), Mask({"w": np.array([[1, 0, 0]])})),
    ]
    server = Server(row(7, 7, 7), round=round)
    np.testing.assert_array_equal(FedLTN(jump_start=jump_start).aggregate(server, updates)["w"], [[4, 6, 7]])


def test_with_the_scenarios_momentum_a_share_of_the_last_move_is_repeated() -> None:
    strategy = FedLTN(jump_start=False)
    server = Server(row(0), combiner=Combiner(optimizer=Momentum(0.5)))
    moved = []
    for mean in (4, 6, 6):
        server.weights = strategy.aggregate(server, [Update(0, 1, row(mean), Mask())])
        moved.append(float(server.weights["w"][0, 0]))
    # 0 + 4; 4 + (2 + 4/2); 8 + (-2 + 4/2)
    assert moved == [4, 8, 8]


@pytest.mark.parametrize("wrong", [{"target": 1.0}, {"step": -0.1}, {"gate": 1.0}])
def test_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        FedLTN(**wrong)


def kept_by(folder: RunFolder, client: int, round: int) -> Arrays:
    return folder.client_state.load(client, round)


def test_in_a_run_norms_differ_between_clients_and_the_start_is_one_clients_model(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 1, "clients_per_round": 3},
            "partition": {"name": "shards", "clients": 3, "shard_size": 20, "validation": 0.25},
            "model": {"name": "digits_cnn", "batch_norm": True},
            "train": {"epochs": 2, "lr": 0.05},
            "strategy": {"name": "fedltn"},
            "engine": {"name": "in_process"},
        }
    )
    (result,) = simulate.run(scenario, out=tmp_path)
    rows = read_lines(result.folder / "clients.jsonl")
    best = max(rows, key=lambda row: (row["gate_score"], -row["client"]))["client"]
    folder = RunFolder.open(result.folder)
    states = {client: kept_by(folder, client, 1) for client in range(3)}
    final = folder.read_final("weights")
    assert np.array_equal(final["conv1.weight"], states[best]["weights:conv1.weight"])
    assert (final["bn1.weight"] == 1).all()
    for name in ("bn1.weight", "bn1.running_mean"):
        assert not np.array_equal(states[0][f"weights:{name}"], states[1][f"weights:{name}"])
    assert result.metrics["density"] == 1


def test_a_client_that_returns_finds_its_own_norms() -> None:
    norm = np.array([1.5], np.float32)
    client = toy_client({**row(1, 2), "bn.weight": norm})
    FedLTN().receive(client, row(3, 4))
    np.testing.assert_array_equal(client.weights["w"], [[3, 4]])
    np.testing.assert_array_equal(client.weights["bn.weight"], norm)
