"""FedAvg + fine-tuning: FedAvg in rounds, then local training of another length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedprune
from fedprune import plugins, simulate
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario
from fedprune.types import Arrays

from .toy import lend, row, toy_client

FedAvgFinetune: Any = plugins.load("strategies", "fedavg_finetune").FedAvgFinetune


def steps(weights: Arrays, mask: Mask, *, epochs: int | None = None, **_: Any) -> Arrays:
    """Training that adds one to every weight in each epoch, of which a round has two."""
    return {name: value + (2 if epochs is None else epochs) for name, value in weights.items()}


@pytest.mark.parametrize(("final", "expected"), [(False, 12), (True, 17)])
def test_only_the_evaluation_after_the_last_round_trains_for_its_own_number_of_epochs(
    final: bool, expected: float
) -> None:
    client = toy_client(row(10))
    client.final = final
    lend(client, fit=steps)
    FedAvgFinetune(epochs=7).train(client)
    np.testing.assert_array_equal(client.weights["w"], [[expected]])


def run(out: Path, strategy: dict[str, Any]) -> dict[str, Any]:
    settings = {
        "run": {"rounds": 2, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 3, "shard_size": 20},
        "model": {"name": "mlp"},
        "train": {"epochs": 1, "lr": 0.05},
        "strategy": strategy,
        "engine": {"name": "in_process"},
    }
    (result,) = simulate.run(Scenario.from_dict(settings), out=out)
    weights = fedprune.load(result.folder).weights()
    return {**result.metrics, "weights": {name: value.tobytes() for name, value in weights.items()}}


def test_it_costs_fedavgs_bytes_ends_in_fedavgs_model_and_only_what_is_used_differs(tmp_path: Path) -> None:
    tuned = run(tmp_path, {"name": "fedavg_finetune", "epochs": 5})
    plain = run(tmp_path, {"name": "fedavg"})
    for key in ("weights", "test_score_received", "test_score_global"):
        assert tuned[key] == plain[key]
    assert tuned["test_score_personal"] != plain["test_score_personal"]
    assert tuned["test_score_personal"] == tuned["test_score_trained"]


def test_fewer_than_one_epoch_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"epochs: must be at least 1, got 0"):
        FedAvgFinetune(epochs=0)
