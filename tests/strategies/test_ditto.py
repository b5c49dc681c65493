"""Ditto: the global model travels, the personal one stays and is pulled towards what was received."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.compute.proximal import Proximal
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.strategy import Client
from fedprune.types import Arrays

from .toy import lend, row, toy_client

Ditto: Any = plugins.load("strategies", "ditto").Ditto


def towards(goal: float, epochs: int = 2) -> Callable[..., Arrays]:
    """Gradient descent on (w - goal)^2 / 2 and the pull, a step of a half in each epoch."""

    def fit(weights: Arrays, mask: Mask, *, proximal: Proximal | None = None, **_: Any) -> Arrays:
        for _epoch in range(epochs):
            slopes = {name: value - goal for name, value in weights.items()}
            if proximal is not None:
                for name, anchor in proximal.anchor.items():
                    slopes[name] = slopes[name] + proximal.strength * (weights[name] - anchor)
            weights = {name: value - slopes[name] / 2 for name, value in weights.items()}
        return weights

    return fit


def take_part(strategy: Any, client: Client, received: Arrays) -> Arrays:
    """A round at a client: what it sends."""
    strategy.receive(client, received)
    np.testing.assert_array_equal(client.weights["w"], received["w"])  # What is tested as received.
    strategy.before_training(client)
    strategy.train(client)
    strategy.after_training(client)
    arrays: Arrays = strategy.upload(client, {"w": (1, 1)}).arrays
    return arrays


def test_the_personal_model_moves_by_its_own_gradient_and_the_pull_to_the_received_one() -> None:
    client = toy_client(row(0))
    lend(client, fit=towards(8))
    client.state["begun"] = np.ones(1, bool)
    # Global, from 4: 6, 7. Personal, from 0: 0 + (8 + 4/2) / 2 = 5, then 5 + (3 - 1/2) / 2 = 6.25.
    sent = take_part(Ditto(pull=0.5), client, row(4))
    np.testing.assert_array_equal(sent["w"], [[7]])
    np.testing.assert_array_equal(client.weights["w"], [[6.25]])


def test_a_client_starts_its_personal_model_from_what_it_first_receives_and_then_goes_on() -> None:
    client = toy_client(row(100))
    lend(client, fit=towards(8))
    # From the received 4, not from 100: 4 + 4/2 = 6, then 6 + 2/2 = 7 (no pull).
    take_part(Ditto(pull=0.0), client, row(4))
    np.testing.assert_array_equal(client.weights["w"], [[7]])
    # From its own 7, not from the received 0: 7.5, 7.75.
    take_part(Ditto(pull=0.0), client, row(0))
    np.testing.assert_array_equal(client.weights["w"], [[7.75]])


def test_the_personal_models_statistics_are_its_own() -> None:
    client = toy_client({**row(1), "mean": np.array([5], np.float32)})
    client.state["begun"] = np.ones(1, bool)
    seen: list[float] = []

    def fit(weights: Arrays, mask: Mask, **_: Any) -> Arrays:
        seen.append(float(weights["mean"][0]))
        return weights

    lend(client, fit=fit)
    strategy = Ditto()
    strategy.receive(client, {**row(2), "mean": np.array([9], np.float32)})
    strategy.train(client)
    assert seen == [9, 5]
    assert client.weights["mean"] == 5
    assert strategy.upload(client, {"mean": (1,)}).arrays["mean"] == 9


def settings(strategy: dict[str, Any]) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "digits_cnn", "batch_norm": True},
            "train": {"epochs": 1, "lr": 0.05},
            "strategy": strategy,
            "engine": {"name": "in_process"},
        }
    )


def test_the_global_model_is_fedavgs_to_the_bit_and_each_client_keeps_another(tmp_path: Path) -> None:
    results = simulate.run([settings({"name": "ditto"}), settings({"name": "fedavg"})], out=tmp_path)
    ditto, fedavg = (RunFolder.open(result.folder) for result in results)
    ours, theirs = ditto.read_final("weights"), fedavg.read_final("weights")
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    kept = [ditto.client_state.load(client, 2)["weights:fc1.weight"] for client in (0, 1)]
    assert not np.array_equal(*kept)
    assert not np.array_equal(kept[0], ours["fc1.weight"])
    received, personal = (results[0].metrics[f"test_score_{of}"] for of in ("received", "personal"))
    assert personal > received


def test_a_negative_pull_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"pull: must be at least 0, got -1"):
        Ditto(pull=-1.0)
