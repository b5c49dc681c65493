"""SCAFFOLD: steps are corrected by c - c_i, c_i becomes the mean gradient, and c follows the c_i."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.strategy import Server, Update

from .line import line_fit
from .toy import lend, row, toy_client

Scaffold: Any = plugins.load("strategies", "scaffold").Scaffold
BOTH = {"w": (1, 1), "control:w": (1, 1)}


def test_a_clients_round_by_hand() -> None:
    strategy = Scaffold()
    client = lend(toy_client(row(9)), fit=line_fit(0.5, [1.0, 1.0]))
    client.state = {"control:w": np.float32([[0.25]])}
    strategy.receive(client, {**row(0), "control:w": np.float32([[0.5]])})
    assert list(client.weights) == ["w"]
    strategy.train(client)
    # Corrected gradients: -1 + 0.25, so w = 0.375; then -0.625 + 0.25, so w = 0.5625.
    assert client.weights["w"] == 0.5625
    # Option II: c_i - c + (x - y) / (K lr) = 0.25 - 0.5 + (0 - 0.5625) / (2 * 0.5).
    assert client.state["control:w"] == -0.8125
    sent = strategy.upload(client, BOTH).arrays
    assert (sent["w"], sent["control:w"]) == (0.5625, 0.5 + (-0.8125 - 0.25))


def test_a_newcomers_control_variate_is_zero() -> None:
    strategy = Scaffold()
    client = lend(toy_client(row(0)), fit=line_fit(0.5, [1.0]))
    strategy.receive(client, {**row(0), "control:w": np.float32([[0.0]])})
    strategy.train(client)
    assert client.weights["w"] == 0.5
    assert strategy.upload(client, BOTH).arrays["control:w"] == client.state["control:w"] == -1


def test_the_servers_control_variate_moves_by_the_share_of_clients_that_moved() -> None:
    server = Server(row(0), {"control:w": np.float32([[0.5]])}, clients=4)
    updates = [
        Update(client, samples, {**row(value), "control:w": np.float32([[control]])}, Mask())
        for client, samples, value, control in ((0, 1, 2, -0.5625), (1, 9, 4, 0.5))
    ]
    # Clients count alike: (2 + 4) / 2; 0.5 + 2/4 * (-1.0625 + 0) / 2.
    assert Scaffold().aggregate(server, updates)["w"] == 3
    assert server.memory["control:w"] == 0.234375
    sent = Scaffold().send(server, BOTH, Mask()).arrays
    assert (sent["w"], sent["control:w"]) == (0, 0.234375)


def test_in_a_run_both_ways_carry_twice_the_bytes_and_clients_keep_their_gradients(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 2, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "lr": 0.05},
        "strategy": {"name": "scaffold"},
        "engine": {"name": "in_process"},
    }
    (result,) = simulate.run(Scenario.from_dict(settings), out=tmp_path)
    assert 2 * 13706 * 16 < result.metrics["bytes_up_total"] < 2 * 13706 * 16 + 2000
    folder = RunFolder.open(result.folder)
    kept = [folder.client_state.load(client, 2) for client in (0, 1)]
    assert all(np.abs(state["state:control:fc1.weight"]).max() > 0 for state in kept)
    assert folder.read_final("weights").keys() == {
        f"{layer}.{kind}" for layer in ("conv1", "conv2", "fc1", "fc2") for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("section", "refused"), [("aggregate", True), ("update", False), ("server_optimizer", False)]
)
def test_only_another_aggregator_is_refused(section: Any, refused: bool) -> None:
    assert bool(Scaffold().refuses(section)) == refused
