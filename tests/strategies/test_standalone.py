"""Standalone: clients train on, each by itself, and no payload moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fedprune import plugins, simulate
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.strategy import Server, Update

from .toy import row, toy_client

Standalone: Any = plugins.load("strategies", "standalone").Standalone


def test_nothing_travels_and_the_server_keeps_what_it_has() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10)
    strategy = Standalone()
    assert strategy.travels(made.shapes, made.statistics) == {}
    assert strategy.send(Server(row(1)), {}, Mask()).arrays == {}
    assert strategy.upload(toy_client(row(1)), {}).arrays == {}
    old = row(1)
    assert strategy.aggregate(Server(old), [Update(0, 1, row(9), Mask())]) is old
    assert strategy.keeps_model


def test_a_run_moves_no_payload_and_each_client_goes_on_from_its_own_weights(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "mlp"},
            "train": {"epochs": 1, "lr": 0.05},
            "strategy": {"name": "standalone"},
            "engine": {"name": "in_process"},
        }
    )
    (result,) = simulate.run(scenario, out=tmp_path)
    rounds = read_lines(result.folder / "rounds.jsonl")
    assert {record[f"bytes_{way}_values"] for record in rounds for way in ("up", "down")} == {0}
    assert {record[f"bytes_{way}_mask"] for record in rounds for way in ("up", "down")} == {0}
    assert result.metrics["test_score_global"] is None
    assert rounds[1]["train_loss"] < rounds[0]["train_loss"]
    folder = RunFolder.open(result.folder)
    models = [folder.client_state.load(client, 2)["weights:fc1.weight"] for client in (0, 1)]
    assert not np.array_equal(*models)
    final = folder.read_final("weights")["fc1.weight"]
    assert np.array_equal(final, architecture("mlp", (1, 8, 8), 10).initial_weights(0)["fc1.weight"])
