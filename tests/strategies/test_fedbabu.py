"""FedBABU: in rounds the head stands still at its initial values; at the end clients fine-tune."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.types import Arrays

from .toy import lend, toy_client

FedBABU: Any = plugins.load("strategies", "fedbabu").FedBABU


def fit(weights: Arrays, mask: Mask, *, epochs: int | None, only: Collection[str]) -> Arrays:
    """Each epoch adds one to all that trains."""
    return {name: value + (epochs or 2) * (name in only) for name, value in weights.items()}


@pytest.mark.parametrize(
    ("strategy", "final", "expected"),
    [
        (FedBABU(), False, (12, 20)),
        (FedBABU(tune="head", tune_epochs=5), False, (12, 20)),
        (FedBABU(), True, (12, 22)),
        (FedBABU(tune_epochs=5), True, (15, 25)),
        (FedBABU(tune="head", tune_epochs=5), True, (10, 25)),
        (FedBABU(tune="body"), True, (12, 20)),
    ],
)
def test_what_trains_by_hand(strategy: Any, final: bool, expected: tuple[float, float]) -> None:
    client = lend(toy_client({"a.weight": np.float32([[10]]), "b.weight": np.float32([[20]])}), fit=fit)
    client.final = final
    strategy.train(client)
    assert (client.weights["a.weight"], client.weights["b.weight"]) == expected


def test_in_a_run_the_head_stays_initial_and_costs_no_byte(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 2, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "lr": 0.05, "weight_decay": 0.1},
        "strategy": {"name": "fedbabu"},
        "engine": {"name": "in_process"},
    }
    (result,) = simulate.run(Scenario.from_dict(settings), out=tmp_path)
    folder = RunFolder.open(result.folder)
    weights, initial = folder.read_final("weights"), folder.client_state.load(0, 2)
    for name in ("fc2.weight", "fc2.bias"):
        np.testing.assert_array_equal(initial[f"weights:{name}"], weights[name])
    # 13,706 parameters, less 650 of the head, float32, for two clients in two rounds.
    values = 4 * (13706 - 650) * 4
    assert values < result.metrics["bytes_up_total"] < values + 2000
    assert result.metrics["test_score_trained"] > 0


@pytest.mark.parametrize("field", ["head", "tune_epochs"])
def test_fewer_than_one_is_refused_by_name(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: must be at least 1, got 0"):
        FedBABU(**{field: 0})
