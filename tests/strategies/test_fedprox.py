"""FedProx: FedAvg whose steps are pulled towards what was received."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.scenario import Scenario
from fedprune.strategy import Client
from fedprune.types import Arrays

from .toy import lend, toy_client

FedProx: Any = plugins.load("strategies", "fedprox").FedProx
FedAvg: Any = plugins.load("strategies", "fedavg").FedAvg

# One batch an epoch and no momentum: an epoch is one step, with an arithmetic that can be done by hand.
LR = 0.5
SETTINGS = {
    "run": {"clients_per_round": 2},
    "partition": {"name": "shards", "clients": 2, "shard_size": 10},
    "model": {"name": "mlp"},
    "train": {"epochs": 2, "lr": LR, "momentum": 0.0, "batch_size": 20},
}


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return open_experiment(Scenario.from_dict(SETTINGS).client_settings(), None)


def client_at(experiment: Experiment) -> tuple[Client, LocalWork]:
    work = LocalWork(experiment, 0, 1, experiment.training(0))
    client = toy_client(dict(experiment.initial))
    lend(client, fit=work.fit, gradient=work.gradient)
    return client, work


def trained(experiment: Experiment, strategy: Any) -> Arrays:
    client, _ = client_at(experiment)
    strategy.train(client)
    return client.weights


def distance(experiment: Experiment, weights: Arrays) -> float:
    return float(sum(np.square(weights[name] - experiment.initial[name]).sum() for name in weights))


def test_the_second_step_adds_mu_times_the_way_gone_to_the_gradient(experiment: Experiment) -> None:
    _, work = client_at(experiment)
    start, mu = experiment.initial, 0.3
    # At the received weights the pull is zero; after the first step it is mu times that step.
    first = {name: start[name] - LR * slope for name, slope in work.gradient(start).items()}
    slopes = work.gradient(first)
    found = trained(experiment, FedProx(mu=mu))
    for name in first:
        expected = first[name] - LR * (slopes[name] + mu * (first[name] - start[name]))
        np.testing.assert_allclose(found[name], expected, atol=1e-5, err_msg=name)


def test_without_a_pull_it_is_fedavg(experiment: Experiment) -> None:
    prox, plain = trained(experiment, FedProx(mu=0.0)), trained(experiment, FedAvg())
    assert all(np.array_equal(prox[name], plain[name]) for name in plain)


def test_the_stronger_the_pull_the_nearer_a_client_stays(experiment: Experiment) -> None:
    away = [distance(experiment, trained(experiment, FedProx(mu=mu))) for mu in (0.0, 0.1, 1.0)]
    assert away == sorted(away, reverse=True)
    assert away[2] < 0.9 * away[0]


def test_a_negative_pull_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"mu: must be at least 0, got -1"):
        FedProx(mu=-1.0)
