"""LG-FedAvg: the last layers travel and are averaged, those before them stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.strategy import Server, Update

from .toy import toy_client

LGFedAvg: Any = plugins.load("strategies", "lg_fedavg").LGFedAvg


def test_the_last_layers_travel_with_their_biases_and_the_norms_behind_them() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    linear = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    norm = ["bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var"]
    expected = {1: linear[2:], 2: linear, 3: ["conv2.weight", "conv2.bias", *norm, *linear]}
    for layers, names in expected.items():
        assert list(LGFedAvg(layers=layers).travels(made.shapes, made.statistics)) == names
    for all_or_more in (4, 9):
        assert LGFedAvg(layers=all_or_more).travels(made.shapes, made.statistics) == made.shapes


def test_personal_statistics_of_layers_that_travel_stay_at_home() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    strategy = LGFedAvg(layers=3, statistics="personal")
    assert not strategy.travels(made.shapes, made.statistics).keys() & made.statistics


@pytest.mark.parametrize("name", ["mlp", "resnet20", "vgg11"])
def test_as_many_prunable_layers_travel_as_asked_whatever_the_model(name: str) -> None:
    made = architecture(name, (3, 32, 32), 10)
    travelling = LGFedAvg(layers=2).travels(made.shapes, made.statistics)
    assert [layer for layer in made.prunable if layer in travelling] == list(made.prunable[-2:])
    assert "fc.bias" in travelling or "fc2.bias" in travelling


def test_upper_layers_come_from_the_server_and_lower_ones_are_the_clients() -> None:
    lower, upper = np.float32([[1, 2]]), np.float32([[3, 4]])
    client = toy_client({"a.weight": lower, "b.weight": upper})
    strategy = LGFedAvg(layers=1)
    shapes = {name: value.shape for name, value in client.weights.items()}
    travelling = strategy.travels(shapes, frozenset())
    strategy.receive(client, {"b.weight": np.float32([[7, 8]])})
    np.testing.assert_array_equal(client.weights["a.weight"], [[1, 2]])
    np.testing.assert_array_equal(client.weights["b.weight"], [[7, 8]])
    assert list(strategy.upload(client, travelling).arrays) == ["b.weight"]


def test_the_server_averages_what_travels_and_leaves_the_rest() -> None:
    updates = [
        Update(client, samples, {"b.weight": np.float32([value])}, Mask())
        for client, samples, value in ((0, 1, 2), (1, 3, 6))
    ]
    server = Server({"a.weight": np.float32([9]), "b.weight": np.float32([0])})
    means = LGFedAvg().aggregate(server, updates)
    # (1*2 + 3*6) / 4
    assert means == {"a.weight": [9], "b.weight": [5]}


def test_in_a_run_lower_layers_part_and_the_bytes_are_those_of_the_upper_ones(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "digits_cnn"},
            "train": {"epochs": 1, "lr": 0.05},
            "strategy": {"name": "lg_fedavg", "layers": 1},
            "engine": {"name": "in_process"},
        }
    )
    (result,) = simulate.run(scenario, out=tmp_path)
    folder = RunFolder.open(result.folder)
    kept = [folder.client_state.load(client, 2)["weights:conv1.weight"] for client in (0, 1)]
    assert not np.array_equal(*kept)
    final, initial = (
        folder.read_final("weights"),
        architecture("digits_cnn", (1, 8, 8), 10).initial_weights(0),
    )
    assert np.array_equal(final["conv1.weight"], initial["conv1.weight"])
    assert not np.array_equal(final["fc2.weight"], initial["fc2.weight"])
    # 10 outputs of 64 inputs and their biases, float32, for two clients in two rounds.
    values = 4 * (64 * 10 + 10) * 4
    assert values < result.metrics["bytes_up_total"] < values + 2000


def test_fewer_than_one_layer_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"layers: must be at least 1, got 0"):
        LGFedAvg(layers=0)
