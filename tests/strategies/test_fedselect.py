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
from fedprune.strategy import Client, Payload, Server, Update
from fedprune.types import Arrays

from .toy import client_of, lend, row, toy_client

FedSelect: Any = plugins.load("strategies", "fedselect").FedSelect


def grown(strategy: Any, shared: list[bool] | None, before: Arrays, trained: Arrays) -> list[bool]:
    """What is still shared in the round after a step, when training made ``trained`` of ``before``."""
    client = toy_client(before)
    client.initial = before
    client.shared = Mask({"w": np.array([shared])}) if shared else Mask()
    client.state = {"visits": np.array([strategy.interval])}
    visit(strategy, client, trained)
    assert not client.mask
    strategy.before_training(client)
    return [bool(kept) for kept in client.shared["w"][0]]


def visit(strategy: Any, client: Client, trained: Arrays) -> Payload:
    """One participation in which training gives these weights."""
    strategy.before_training(client)
    client.weights = trained
    strategy.after_training(client)
    payload: Payload = strategy.upload(client, {"w": (1, trained["w"].size)})
    return payload


def test_the_weights_that_moved_furthest_become_personal() -> None:
    before, trained = row(1, 1, 1, 1, 1), row(1.1, -2, 1.2, 4, 1)
    assert grown(FedSelect(rate=0.4), None, before, trained) == [True, False, True, False, True]


def test_what_is_personal_stays_so_and_only_shared_weights_are_ranked() -> None:
    before, trained = row(0, 0, 0, 0, 0, 0), row(9, 9, 1, 2, 3, 4)
    shared = [False, False, True, True, True, True]
    strategy = FedSelect(rate=0.5, limit=1.0)
    assert grown(strategy, shared, before, trained) == [False, False, True, True, False, False]


@pytest.mark.parametrize(("limit", "left"), [(0.0, 5), (0.2, 4), (0.5, 3), (0.59, 3), (0.6, 2), (1.0, 0)])
def test_the_personal_share_reaches_its_limit_and_goes_no_further(limit: float, left: int) -> None:
    shared: list[bool] | None = None
    for _ in range(3):
        shared = grown(FedSelect(rate=1.0, limit=limit), shared, row(0, 0, 0, 0, 0), row(1, 2, 3, 4, 5))
        assert sum(shared) == left


def test_a_step_ranks_what_moved_since_the_step_before_it() -> None:
    client = toy_client(row(0, 0, 0, 0))
    client.initial = row(0, 0, 0, 0)
    strategy = FedSelect(rate=0.34, limit=1.0, interval=1)
    # In the first participation nothing is chosen; then 3, which moved by 5; then 0, by 3 and not by 4.
    for trained, shared in (
        (row(1, 2, 3, 4), [True, True, True, True]),
        (row(1, 2, 4, 5), [True, True, True, False]),
        (row(4, 2, 5, 9), [False, True, True, False]),
    ):
        visit(strategy, client, trained)
        strategy.before_training(client)
        np.testing.assert_array_equal(client.shared["w"], [shared])


def test_what_a_step_chose_still_counts_in_that_rounds_mean_and_is_overwritten_by_it_once() -> None:
    client = toy_client(row(0, 0, 0))
    client.initial = row(0, 0, 0)
    client.state = {"visits": np.array([3])}
    strategy = FedSelect(rate=0.34)
    sent = visit(strategy, client, row(1, 2, 6))
    known = sent.mask or Mask()
    assert known["w"].all()
    server = Server(row(0, 0, 0))
    both = Mask.ones({"w": (1, 3)})
    server.weights = strategy.aggregate(
        server, [Update(0, 1, sent.arrays, both), Update(1, 1, row(3, 4, 8), both)]
    )
    # The mean of 6 and 8 takes the place of the client's own 6 ...
    client.shared = known
    strategy.receive(client, dict(server.weights))
    np.testing.assert_array_equal(client.weights["w"], [[2, 3, 7]])
    # ... and from then on the weight is its own.
    assert (visit(strategy, client, row(2, 3, 5)).mask or both)["w"].tolist() == [[True, True, False]]


def test_a_mask_travels_only_when_it_has_changed() -> None:
    client = toy_client(row(0, 0, 0))
    client.initial = row(0, 0, 0)
    strategy, travelled = FedSelect(rate=0.34), []
    for _ in range(6):
        sent = visit(strategy, client, row(1, 2, 6))
        travelled.append(sent.mask is not None)
    # Round 1 tells that all is shared; the step of round 4 shows in round 5.
    assert travelled == [True, False, False, False, True, False]


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


def test_an_interval_of_no_participation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^interval: "):
        FedSelect(interval=0)
