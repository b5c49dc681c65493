"""pFedMe: theta takes its steps on each batch, then w moves towards theta; theta is kept and w travels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario

from .line import line_fit, line_peer
from .toy import lend, row, toy_client

PFedMe: Any = plugins.load("strategies", "pfedme").PFedMe


def test_a_batch_by_hand() -> None:
    client = lend(toy_client(row(0)), fit=line_fit(0.25, [1.0]), peer=line_peer(0.25))
    strategy = PFedMe(pull=2.0, steps=2)
    strategy.train(client)
    # theta: 0 - (-1 + 0)/4 = 0.25, then 0.25 - (-0.75 + 2 * 0.25)/4 = 0.3125. w: 0 - 2 * (0 - 0.3125)/4.
    assert client.weights["w"] == 0.3125
    assert strategy.upload(client, {"w": (1, 1)}).arrays["w"] == 0.15625


def test_theta_goes_on_in_the_next_batch_and_is_pulled_to_the_moved_w() -> None:
    client = lend(toy_client(row(0)), fit=line_fit(0.25, [1.0, 1.0]), peer=line_peer(0.25))
    PFedMe(pull=2.0, steps=1).train(client)
    # theta 0.25, w 0.125; then theta 0.25 - (-0.75 + 2 * 0.125)/4 = 0.375, w 0.125 + 2 * 0.25/4.
    assert client.weights["w"] == 0.375
    assert client.scratch["global"]["w"] == 0.25


def test_in_a_run_statistics_gather_and_clients_keep_other_models_than_travel(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 1, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20},
        "model": {"name": "digits_cnn", "batch_norm": True},
        "train": {"epochs": 1, "lr": 0.02},
        "strategy": {"name": "pfedme"},
        "engine": {"name": "in_process"},
    }
    (result,) = simulate.run(Scenario.from_dict(settings), out=tmp_path)
    folder = RunFolder.open(result.folder)
    weights, kept = folder.read_final("weights"), folder.client_state.load(0, 1)
    assert not np.array_equal(weights["bn1.running_mean"], np.zeros(16))
    assert not np.array_equal(weights["fc1.weight"], kept["weights:fc1.weight"])


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [("pull", 0.0, "pull: must be greater than 0"), ("steps", 0, "steps: must be at least 1")],
)
def test_settings_out_of_bounds_are_refused_by_name(field: str, value: float, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        PFedMe(**{field: value})
