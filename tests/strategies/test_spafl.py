"""SpaFL: which filters die, a threshold's gradient, how weights follow thresholds, and what travels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
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
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.strategy import Client, Server, Update
from fedprune.tasks.classification import Classification
from fedprune.types import Array, Arrays

from .toy import client_of, lend, toy_client

spafl: Any = plugins.load("strategies", "spafl")
SpaFL = spafl.SpaFL

KEY = "w.threshold"


def thresholds(*values: float) -> Arrays:
    return {KEY: np.array(values, np.float32)}


def matrix(*rows: list[float]) -> Array:
    return np.array(rows, np.float32)


def test_a_filter_lives_while_its_mean_magnitude_exceeds_its_threshold() -> None:
    weights = matrix([1, -3], [1, -3], [0.5, 0])
    alive = spafl.alive(weights, np.array([1.9, 2.0, 0.1]))
    np.testing.assert_array_equal(alive, [True, False, True])
    kernels = weights.reshape(3, 1, 1, 2)
    np.testing.assert_array_equal(spafl.alive(kernels, np.array([1.9, 2.0, 0.1])), alive)


def test_weights_move_against_their_threshold_in_the_direction_of_their_sum() -> None:
    # Sums 4 and -2, thresholds up by 0.2 and down by 0.4, over two inputs each.
    moved = spafl.follow(matrix([3, 1], [-3, 1]), np.array([0.2, -0.4]))
    np.testing.assert_allclose(moved, [[2.9, 0.9], [-3.2, 0.8]], rtol=1e-6)
    # A kernel of three positions in each of two input channels: over its positions.
    kernel = spafl.follow(np.ones((1, 2, 3, 1), np.float32), np.array([0.3]))
    np.testing.assert_allclose(kernel, np.full((1, 2, 3, 1), 0.9), rtol=1e-6)


def test_a_client_that_was_away_follows_all_that_thresholds_moved_meanwhile() -> None:
    client = toy_client({"w": matrix([3, 1], [3, 1])})
    SpaFL().receive(client, thresholds(0.2, 0))
    np.testing.assert_allclose(client.weights["w"], [[2.9, 0.9], [3, 1]], rtol=1e-6)
    client.weights = {"w": client.weights["w"]}
    SpaFL().receive(client, thresholds(0.2, 0.4))
    np.testing.assert_allclose(client.weights["w"], [[2.9, 0.9], [2.8, 0.8]], rtol=1e-6)


def test_a_pruned_filter_shows_zeros_and_comes_back_with_its_weights() -> None:
    client = toy_client({"w": matrix([3, 1], [3, 1])})
    client.state = {KEY: np.array([9, 0], np.float32)}
    SpaFL().receive(client, thresholds(9, 0))
    np.testing.assert_array_equal(client.weights["w"], [[0, 0], [3, 1]])
    np.testing.assert_array_equal(client.mask["w"], [[False, False], [True, True]])
    SpaFL().receive(client, thresholds(0, 0))
    # Its threshold fell by 9, so its weights rose by 9 / 2.
    np.testing.assert_array_equal(client.weights["w"], [[7.5, 5.5], [3, 1]])
    assert client.mask["w"].all()


def test_a_layer_without_filters_begins_again_with_thresholds_of_zero() -> None:
    client = toy_client({"w": matrix([3, 1], [3, 1])})
    client.state = thresholds(9, 9)
    SpaFL().receive(client, thresholds(9, 9))
    assert client.mask["w"].all()
    np.testing.assert_array_equal(client.weights[KEY], [0, 0])


def working_client(threshold: float) -> tuple[Client, Arrays]:
    """A client of a real model whose thresholds all stand at one value, and its weights."""
    made = architecture("mlp", (1, 8, 8), 10)
    weights = made.initial_weights(0)
    client = client_of(made, dict(weights), Mask())
    shapes = SpaFL().travels(made.shapes, made.statistics)
    arrays = {name: np.full(shape, threshold, np.float32) for name, shape in shapes.items()}
    client.state = dict(arrays)
    SpaFL().receive(client, arrays)
    return client, weights


@pytest.mark.parametrize(("blind", "sees"), [(0.0, True), (1.0, False)])
def test_the_step_passes_a_gradient_on_only_where_it_is_not_blind(blind: float, sees: bool) -> None:
    made, coefficient = architecture("mlp", (1, 8, 8), 10), 0.01
    # About the mean magnitude of the first layer's weights, which are uniform up to 1/8.
    client, initial = working_client(1 / 16)
    x, y = torch.ones(4, 1, 8, 8), torch.tensor([0, 1, 2, 3])
    density = client.mask["fc1.weight"].mean()
    assert 0 < density < 1
    cut = {name: torch.tensor(client.weights[name]).requires_grad_() for name in made.shapes}
    cross_entropy(functional_call(made.build(), cut, (x,)), y).backward()

    def fit(weights: Arrays, mask: Mask, *, loss: Any) -> Arrays:
        assert not mask
        model = LocalModel(made, weights, mask, Classification())
        loss(model, x, y).backward()
        for name in client.prunable:
            np.testing.assert_array_equal(weights[name], initial[name])
            whole, gradient = torch.tensor(initial[name]), cut[name].grad
            assert gradient is not None
            # Through the step: of the loss by the filter's mask, whose margin is mean |w| - threshold.
            straight = sees * (gradient * whole).sum(1)
            held = torch.from_numpy(client.mask[name])
            expected = gradient * held + straight[:, None] * whole.sign() / whole.shape[1]
            torch.testing.assert_close(model.parameters[name].grad, expected)
            push = coefficient * torch.exp(-torch.tensor(client.weights[f"{name}.threshold"]))
            torch.testing.assert_close(model.extra[f"{name}.threshold"].grad, -straight - push)
        return model.weights()

    lend(client, fit=fit)
    SpaFL(coefficient=coefficient, blind=blind).train(client)


def test_far_from_its_threshold_a_filter_passes_the_gradient_on() -> None:
    weights = torch.tensor([[3.0, -1.0], [0.5, 0.5]], requires_grad=True)
    limits = torch.tensor([0.5, 0.2], requires_grad=True)
    model = SimpleNamespace(
        parameters={"weight": weights},
        extra={"weight.threshold": limits},
        module=torch.nn.Linear(2, 2, bias=False),
        loss=lambda outputs, targets: (outputs * targets).sum(),
    )
    spafl._loss(("weight",), 0.0, 1.0)(model, torch.eye(2), torch.ones(2, 2)).backward()
    # Margins 1.5 and 0.3: only of the first filter, whose weights sum to 2, does the step have a gradient.
    np.testing.assert_allclose(limits.grad, [-2, 0])
    # 1 for each living weight, and of the first filter 2 * sign(w) / 2 beside.
    np.testing.assert_allclose(weights.grad, [[2, 0], [1, 1]])


def test_training_revives_a_layer_that_would_be_empty() -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    client, _ = working_client(0.0)
    name = "fc1.weight.threshold"
    client.weights[name] = np.full_like(client.weights[name], 9)

    def fit(weights: Arrays, mask: Mask, *, loss: Any) -> Arrays:
        model = LocalModel(made, weights, mask, Classification())
        loss(model, torch.ones(1, 1, 8, 8), torch.tensor([0]))
        return model.weights()

    lend(client, fit=fit)
    SpaFL().train(client)
    assert not client.weights[name].any()
    assert client.mask["fc1.weight"].all()


def test_the_server_holds_thresholds_alone_and_takes_their_plain_mean() -> None:
    initial = {"w": matrix([3, 1], [3, 1]), "b": np.zeros(2, np.float32)}
    server = Server(initial, initial=initial, prunable=("w",))
    server.weights = SpaFL().begin(server)
    assert {name: value.tolist() for name, value in server.weights.items()} == {KEY: [0, 0]}
    updates = [Update(0, 30, thresholds(1, 0), Mask()), Update(1, 10, thresholds(2, 1), Mask())]
    np.testing.assert_array_equal(SpaFL().aggregate(server, updates)[KEY], [1.5, 0.5])


def test_a_run_moves_four_bytes_a_filter_and_no_weight(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "digits_cnn", "batch_norm": True},
            "train": {"epochs": 2, "lr": 0.05},
            "strategy": {"name": "spafl"},
            "engine": {"name": "in_process"},
        }
    )
    (result,) = simulate.run(scenario, out=tmp_path)
    filters = 16 + 32 + 64 + 10
    for record in read_lines(result.folder / "clients.jsonl"):
        for way in ("up", "down"):
            assert record[f"bytes_{way}_values"] == 4 * filters
            assert record[f"bytes_{way}_mask"] == 0
    assert result.metrics["test_score_global"] is None
    rounds = read_lines(result.folder / "rounds.jsonl")
    assert rounds[1]["train_loss"] < rounds[0]["train_loss"]


@pytest.mark.parametrize("field", ["coefficient", "blind"])
def test_settings_below_zero_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        SpaFL(**{field: -0.1})
