"""``FlowerStrategy``: Flower's own loop drives the federation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flwr.app import ArrayRecord, ConfigRecord

from fedprune import simulate
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower.adapter import FlowerStrategy
from fedprune.federation.flower.keys import RUNS
from fedprune.federation.flower.private import node_of
from fedprune.federation.server.federation import Federation
from fedprune.runs.folder import RunFolder
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario

SCENARIO = Scenario.from_dict(
    {
        "run": {"rounds": 2, "clients_per_round": 3},
        "partition": {"name": "shards", "clients": 4, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 2, "lr": 0.05},
        "strategy": {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0},
        "engine": {"name": "in_process"},
    }
)


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[CrewGrid]:
    app, config = "fedprune.federation.flower.client_app:app", {RUNS: str(tmp_path)}
    with open_grid(InProcess(), client_app=app, nodes=4, config=config) as opened:
        yield opened


@pytest.fixture
def strategy(tmp_path: Path) -> FlowerStrategy:
    store = VersionedStore(tmp_path / "run" / "state" / "server")
    store.folder.mkdir(parents=True)
    return FlowerStrategy(Federation(SCENARIO, "run", store))


def test_flowers_own_loop_gives_the_weights_of_ours(
    strategy: FlowerStrategy, grid: CrewGrid, tmp_path: Path
) -> None:
    result = strategy.start(grid, ArrayRecord(), num_rounds=2)
    (ours,) = simulate.run(SCENARIO, out=tmp_path / "ours")
    weights = RunFolder.open(ours.folder).read_final("weights")
    theirs = strategy.federation.state.weights
    assert theirs.keys() == weights.keys()
    assert all(theirs[name].tobytes() == value.tobytes() for name, value in weights.items())
    assert {name: array.numpy().tobytes() for name, array in result.arrays.items()} == {
        name: value.tobytes() for name, value in weights.items()
    }
    assert [metrics["clients"] for metrics in result.train_metrics_clientapp.values()] == [3, 3]
    spent = sum(metrics["bytes_up"] for metrics in result.train_metrics_clientapp.values())
    # Flower's loop and ours differ in the length of the run's name alone, which only orders hold.
    assert spent == ours.metrics["bytes_up_total"]


def test_messages_go_to_the_sampled_clients_nodes(strategy: FlowerStrategy, grid: CrewGrid) -> None:
    messages = list(strategy.configure_train(1, ArrayRecord(), ConfigRecord(), grid))
    assert [each.metadata.dst_node_id for each in messages] == [
        node_of(client) for client in strategy.federation.sample(1)
    ]
    assert {each.metadata.group_id for each in messages} == {"1"}
