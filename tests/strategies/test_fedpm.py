"""FedPM: theta from masks by hand, its straight-through gradient, and what travels in a real run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from fedprune import plugins, simulate
from fedprune.compute.model import LocalModel
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.pruning.random_networks import frozen
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.strategy import Client, Server, Update
from fedprune.tasks.classification import Classification
from fedprune.types import Arrays

from .toy import client_of, lend, row

FedPM: Any = plugins.load("strategies", "fedpm").FedPM


def replies(*masks: list[bool]) -> list[Update]:
    return [Update(client, 10, {}, Mask({"w": np.array([kept])})) for client, kept in enumerate(masks)]


def server_of(theta: Arrays) -> Server:
    return Server(dict(theta), round=1, initial=row(0.1, -0.1), prunable=("w",))


def test_theta_is_the_mode_of_the_beta_posterior() -> None:
    votes = replies([True, False], [True, False], [False, False])
    # Two of three: (2 * 0.99 + 0.01) / 3; none of three: 0.01.
    theta = FedPM().aggregate(server_of(row(0.5, 0.5)), votes)["w"]
    np.testing.assert_allclose(theta, [[1.99 / 3, 0.01]], rtol=1e-6)
    # Beta(2, 2) adds one kept and one pruned: (1 + 1.99) / (2 + 3).
    theta = FedPM(prior=2.0).aggregate(server_of(row(0.5, 0.5)), votes)["w"]
    np.testing.assert_allclose(theta, [[2.99 / 5, 1.03 / 5]], rtol=1e-6)


def test_masks_are_counted_until_the_reset() -> None:
    strategy, server, seen = FedPM(reset=2), server_of(row(0.5, 0.5)), []
    for server.round, masks in enumerate([[True, True], [False, True], [False, True]], start=1):
        server.weights = strategy.aggregate(server, replies(masks, masks))
        seen.append(server.weights["w"][0].tolist())
    # Round 2 counts four masks, two of which keep the first weight; round 3 counts its own two.
    np.testing.assert_allclose(seen, [[0.99, 0.99], [0.5, 0.99], [0.01, 0.99]], rtol=1e-6)


def test_the_global_model_keeps_what_is_likely() -> None:
    weights = FedPM().global_model(server_of(row(0.4, 0.6)))["w"]
    np.testing.assert_allclose(weights, [[0, -1]])  # sqrt(2 / 2), with the initial weight's sign


def client_with_theta(theta: float) -> Client:
    made = architecture("mlp", (1, 8, 8), 10)
    client = client_of(made, dict(made.initial_weights(0)), Mask())
    client.initial = made.initial_weights(0)
    lend(client, rng=lambda purpose, **_: np.random.default_rng(len(purpose)))
    FedPM().receive(client, {name: np.full(made.shapes[name], theta, np.float32) for name in made.prunable})
    return client


def test_a_scores_gradient_is_that_of_its_weight_times_the_frozen_weight_and_the_sigmoids_slope() -> None:
    client, scale, theta = client_with_theta(0.3), 2.0, 0.3
    made = architecture("mlp", (1, 8, 8), 10)
    x, y = torch.ones(4, 1, 8, 8), torch.tensor([0, 1, 2, 3])
    source = torch.Generator().manual_seed(int(client.rng("masks in training").integers(2**63)))
    fixed = {name: torch.tensor(value) for name, value in frozen(client.initial, client.prunable).items()}
    kept = {
        name: (torch.rand(fixed[name].shape, generator=source) < theta).float() for name in client.prunable
    }
    cut = {
        name: (value * kept[name] if name in kept else value).requires_grad_()
        for name, value in fixed.items()
    }
    cross_entropy(functional_call(made.build(), cut, (x,)), y).backward()

    def fit(weights: Arrays, mask: Mask, *, loss: Any) -> Arrays:
        model = LocalModel(made, weights, mask, Classification())
        loss(model, x, y).backward()
        for name in client.prunable:
            expected = cut[name].grad * fixed[name] * theta * (1 - theta) * scale
            torch.testing.assert_close(model.extra[f"{name}.score"].grad, expected)
        assert not any(value.any() for value in model.gradients().values())
        return model.weights()

    lend(client, fit=fit)
    FedPM(lr_scale=scale**2).train(client)


def test_a_client_deploys_the_frozen_weights_that_its_drawn_mask_keeps() -> None:
    client = client_with_theta(0.3)
    lend(client, fit=lambda weights, mask, **_: dict(weights))
    FedPM().train(client)
    fixed = frozen(client.initial, client.prunable)
    for name in client.prunable:
        np.testing.assert_array_equal(client.weights[name], np.where(client.mask[name], fixed[name], 0))
    assert not client.weights["fc1.bias"].any()
    assert not any(name.endswith(".score") for name in client.weights)
    # Unbiased: training changed nothing, so masks keep 0.3.
    deviation = math.sqrt(0.3 * 0.7 / client.mask.size)
    assert abs(client.mask.density - 0.3) < 4 * deviation
    payload = FedPM().upload(client, {})
    assert (payload.arrays, payload.mask) == ({}, client.mask)


def test_only_masks_go_up_and_none_costs_more_than_a_bit_a_weight_but_for_the_coder(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 3, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 100},
            "model": {"name": "digits_cnn"},
            "train": {"epochs": 2, "lr": 0.1},
            "strategy": {"name": "fedpm"},
            "engine": {"name": "in_process"},
        }
    )
    (result,) = simulate.run(scenario, out=tmp_path)
    made = architecture("digits_cnn", (1, 8, 8), 10)
    size = sum(math.prod(made.shapes[name]) for name in made.prunable)
    for record in read_lines(result.folder / "clients.jsonl"):
        assert record["bytes_up_values"] == 0
        # Counts and the coder's word boundaries cost less than a hundredth.
        assert 0 < record["bytes_up_mask"] * 8 < 1.01 * size
        assert record["bytes_down_values"] == 4 * size
        # That all theta travel costs a count for each layer.
        assert record["bytes_down_mask"] < 20
    rounds = read_lines(result.folder / "rounds.jsonl")
    assert rounds[-1]["train_loss"] < rounds[0]["train_loss"]
    theta = RunFolder.open(result.folder).read_final("weights")["fc1.weight"]
    np.testing.assert_allclose(np.unique(theta), [0.01, 0.5, 0.99], rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"), [("prior", 0.5), ("reset", 0), ("lr_scale", 0.0), ("lr_scale", -1.0)]
)
def test_fields_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        FedPM(**{field: value})
