"""FedSelect: which weights become personal, that they stay so, and which part each pass trains."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import open_experiment
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario
from fedprune.strategy import Client, Server, Update
from fedprune.types import Arrays

from .toy import client_of, lend, row, toy_client

FedSelect: Any = plugins.load("strategies", "fedselect").FedSelect


def grown(strategy: Any, shared: list[bool] | None, received: Arrays, trained: Arrays) -> list[bool]:
    """What is still shared after training made ``trained`` of ``received``."""
    client = toy_client(received)
    client.shared = Mask({"w": np.array([shared])}) if shared else Mask()
    strategy.before_training(client)
    client.weights = trained
    strategy.after_training(client)
    assert not client.mask
    return [bool(kept) for kept in client.shared["w"][0]]


def test_the_weights_that_training_changed_most_become_personal() -> None:
    received, trained = row(1, 1, 1, 1, 1), row(1.1, -2, 1.2, 4, 1)
    assert grown(FedSelect(rate=0.4), None, received, trained) == [True, False, True, False, True]


def test_what_is_personal_stays_so_and_only_shared_weights_are_ranked() -> None:
    received, trained = row(0, 0, 0, 0, 0, 0), row(9, 9, 1, 2, 3, 4)
    shared = [False, False, True, True, True, True]
    strategy = FedSelect(rate=0.5, limit=1.0)
    assert grown(strategy, shared, received, trained) == [False, False, True, True, False, False]


@pytest.mark.parametrize(("limit", "left"), [(0.0, 5), (0.2, 4), (0.5, 3), (0.59, 3), (0.6, 2), (1.0, 0)])
def test_the_personal_share_reaches_its_limit_and_goes_no_further(limit: float, left: int) -> None:
    shared: list[bool] | None = None
    for _ in range(3):
        shared = grown(FedSelect(rate=1.0, limit=limit), shared, row(0, 0, 0, 0, 0), row(1, 2, 3, 4, 5))
        assert sum(shared) == left


def test_biases_never_become_personal() -> None:
    client = toy_client({**row(1, 2), "b": np.zeros(2, np.float32)})
    FedSelect(rate=1.0).before_training(client)
    assert list(client.shared) == ["w"]


def test_a_client_keeps_its_personal_weights_whatever_comes_down() -> None:
    client = toy_client({**row(1, 2, 3), "b": np.ones(1, np.float32)})
    client.shared = Mask({"w": np.array([[True, False, True]])})
    # Where the shared mask is False a message brings zeros.
    FedSelect().receive(client, {**row(7, 0, 9), "b": np.full(1, 5, np.float32)})
    np.testing.assert_array_equal(client.weights["w"], [[7, 2, 9]])
    np.testing.assert_array_equal(client.weights["b"], [5])
    assert not client.mask


def test_the_server_averages_over_those_who_share_a_weight() -> None:
    updates = [
        Update(0, 30, row(3, 0, 0), Mask({"w": np.array([[True, False, False]])})),
        Update(1, 10, row(5, 6, 0), Mask({"w": np.array([[True, True, False]])})),
    ]
    mean = FedSelect().aggregate(Server(row(1, 1, 1)), updates)
    np.testing.assert_array_equal(mean["w"], [[4, 6, 1]])


def working_client() -> Client:
    """A client with data and a decaying, coasting optimizer, which has every other weight for itself."""
    settings = Scenario.from_dict(
        {
            "run": {"clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "mlp"},
            "train": {"epochs": 2, "lr": 0.05, "momentum": 0.9, "weight_decay": 0.1},
        }
    ).client_settings()
    experiment = open_experiment(settings, None)
    client = client_of(experiment.architecture, dict(experiment.initial), Mask())
    work = LocalWork(experiment, 0, 1, experiment.training(0))
    lend(client, fit=work.fit)
    client.shared = Mask(
        {name: np.indices(experiment.initial[name].shape).sum(axis=0) % 2 == 0 for name in client.prunable}
    )
    return client


def test_each_epoch_trains_first_what_is_personal_and_then_the_rest() -> None:
    client, seen = working_client(), []
    fit = client.fit

    def recording(weights: Arrays, *arguments: Any, **options: Any) -> Arrays:
        seen.append(weights)
        return fit(weights, *arguments, **options)

    lend(client, fit=recording)
    strategy = FedSelect()
    strategy.before_training(client)
    strategy.train(client)
    steps = [*seen, client.weights]
    assert len(steps) == 2 * client.epochs + 1
    for number, (before, after) in enumerate(itertools.pairwise(steps)):
        for name in before:
            shared = client.shared.get(name, np.ones(before[name].shape, np.bool_))
            still = shared if number % 2 == 0 else ~shared
            np.testing.assert_array_equal(after[name][still], before[name][still])
            moved = after[name][~still] != before[name][~still]
            assert not moved.size or moved.mean() > 0.5


def test_with_nothing_personal_an_epoch_is_one_pass() -> None:
    client, calls = working_client(), []
    fit = client.fit
    lend(client, fit=lambda *arguments, **options: calls.append(1) or fit(*arguments, **options))
    client.shared = Mask()
    FedSelect().before_training(client)
    FedSelect().train(client)
    assert len(calls) == client.epochs


@pytest.mark.parametrize("field", ["rate", "limit"])
def test_shares_outside_0_to_1_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        FedSelect(**{field: 1.1})
