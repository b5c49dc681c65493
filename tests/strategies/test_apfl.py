"""APFL: w is FedAvg's, the mixture alpha v + (1 - alpha) w is trained in v, and alpha learns once a round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.strategy import Client

from .line import line_fit, line_peer
from .toy import lend, row, toy_client

APFL: Any = plugins.load("strategies", "apfl").APFL


def client_with(state: dict[str, Any], goals: list[float]) -> Client:
    client = lend(toy_client(row(0)), fit=line_fit(0.125, goals), peer=line_peer(0.125))
    client.state = state
    return client


def test_a_step_by_hand() -> None:
    client = client_with({"w": np.float32([[1]]), "alpha": np.array(0.5, np.float32)}, [1.0])
    APFL().train(client)
    # The mixture is 0.5 and its gradient -0.5: v moves by a half of it, alpha by -0.5 * (1 - 0), w by its own
    # gradient of -1; each times the rate of 1/8.
    assert client.state["w"] == 1 + 0.25 / 8
    assert client.state["alpha"] == 0.5 + 0.5 / 8
    assert APFL().upload(client, {"w": (1, 1)}).arrays["w"] == 1 / 8
    assert client.weights["w"] == pytest.approx(0.5625 * 1.03125 + 0.4375 * 0.125)


def test_alpha_moves_in_the_first_step_alone_and_not_at_all_unless_adaptive() -> None:
    one, two, still = (client_with({"w": np.float32([[1]])}, goals) for goals in ([1.0], [1.0, 7.0], [1.0]))
    for strategy, client in ((APFL(), one), (APFL(), two), (APFL(adaptive=False), still)):
        strategy.train(client)
    assert one.state["alpha"] == two.state["alpha"] == 0.5625
    assert one.state["w"] != two.state["w"]
    assert still.state["alpha"] == 0.5


def test_alpha_never_leaves_0_to_1() -> None:
    client = client_with({"w": np.float32([[8]])}, [100.0])
    APFL().train(client)
    assert client.state["alpha"] == 1


def test_a_newcomers_own_model_starts_where_the_peer_does() -> None:
    client = lend(toy_client(row(5)), fit=line_fit(0.0, [1.0]), peer=line_peer(0.0, initial=3.0))
    APFL(alpha=0.25).train(client)
    assert client.state["w"] == 3
    assert client.weights["w"] == 0.25 * 3 + 0.75 * 5


def test_the_global_model_is_fedavgs_to_the_bit_and_each_client_keeps_another(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 2, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20},
        "model": {"name": "digits_cnn", "batch_norm": True},
        "train": {"epochs": 1, "lr": 0.05},
        "engine": {"name": "in_process"},
    }
    scenarios = [Scenario.from_dict({**settings, "strategy": {"name": name}}) for name in ("apfl", "fedavg")]
    apfl, fedavg = (RunFolder.open(result.folder) for result in simulate.run(scenarios, out=tmp_path))
    ours, theirs = apfl.read_final("weights"), fedavg.read_final("weights")
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    kept = [apfl.client_state.load(client, 2) for client in (0, 1)]
    assert not np.array_equal(*(state["weights:fc1.weight"] for state in kept))
    assert all(0 <= state["state:alpha"] <= 1 and state["state:alpha"] != 0.5 for state in kept)


def test_a_share_outside_0_to_1_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"alpha: must lie in \[0, 1\], got 1.5"):
        APFL(alpha=1.5)
