"""What a client computes on its own data: keyed, repeatable, and never on test data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, max_pool2d

from fedprune.compute.proximal import Proximal
from fedprune.compute.request import DivergedError
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario
from fedprune.types import Arrays

SETTINGS = {
    "partition": {"name": "shards", "clients": 4, "shard_size": 20, "validation": 0.25},
    "model": {"name": "digits_cnn"},
    "train": {"epochs": 2, "lr": 0.05},
}


@pytest.fixture
def experiment() -> Experiment:
    return open_experiment(
        Scenario.from_dict({**SETTINGS, "run": {"clients_per_round": 4}}).client_settings(), None
    )


def work(experiment: Experiment, client: int = 0, round: int = 1) -> LocalWork:
    return LocalWork(experiment, client, round, experiment.training(client))


def same(first: Arrays, second: Arrays) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_the_same_training_again_is_another_one_and_a_new_round_repeats_neither(
    experiment: Experiment,
) -> None:
    one, other = work(experiment), work(experiment)
    first, second = (one.fit(experiment.initial, Mask()) for _ in range(2))
    assert same(first, other.fit(experiment.initial, Mask()))
    assert not same(first, second)
    assert not same(first, work(experiment, round=2).fit(experiment.initial, Mask()))


def test_parameters_that_do_not_train_stand_still_whatever_decays_or_pulls(experiment: Experiment) -> None:
    settings = {**SETTINGS, "run": {"clients_per_round": 4}}
    settings["train"] = {"epochs": 2, "lr": 0.05, "weight_decay": 0.1, "l1": 0.01, "momentum": 0.9}
    decaying = open_experiment(Scenario.from_dict(settings).client_settings(), None)
    head = {"fc2.weight", "fc2.bias"}
    pull = Proximal(1.0, {name: value + 1 for name, value in decaying.initial.items()})
    trained = work(decaying).fit(decaying.initial, Mask(), only=head, proximal=pull)
    for name, value in trained.items():
        assert np.array_equal(value, decaying.initial[name]) == (name not in head), name
    every = work(decaying).fit(decaying.initial, Mask(), only=decaying.initial, proximal=pull)
    assert same(every, work(decaying).fit(decaying.initial, Mask(), proximal=pull))


def test_epochs_are_counted_from_one_and_the_last_ones_weights_come_back(experiment: Experiment) -> None:
    seen: dict[int, Arrays] = {}
    working = work(experiment)
    assert working.loss is None
    back = working.fit(experiment.initial, Mask(), epochs=3, after_epoch=seen.__setitem__)
    assert working.loss is not None
    assert list(seen) == [1, 2, 3]
    assert same(back, seen[3])
    assert not same(seen[2], seen[3])


def test_the_gradient_over_all_samples_is_that_of_the_mean_loss(experiment: Experiment) -> None:
    found = work(experiment).gradient(experiment.initial)
    module = experiment.architecture.load(experiment.initial)
    x, y = experiment.training(0)
    cross_entropy(module(x), y).backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_allclose(found[name], parameter.grad, atol=1e-6, err_msg=name)


def test_the_gradient_of_one_batch_has_one_at_pruned_coordinates_too(experiment: Experiment) -> None:
    pruned = Mask({"fc1.weight": np.zeros(experiment.initial["fc1.weight"].shape, np.bool_)})
    weights = {**pruned.apply(experiment.initial), "fc1.bias": np.ones_like(experiment.initial["fc1.bias"])}
    found = work(experiment).gradient(weights, batches=1)
    assert found["fc1.weight"].any()
    assert not same(found, work(experiment).gradient(weights))


def test_activity_is_the_share_of_zeros_after_each_channels_relu_and_of_a_pruned_channel_all(
    experiment: Experiment,
) -> None:
    alive = np.ones(16, np.bool_)
    alive[3] = False
    group = experiment.architecture.groups[0]
    mask = channel_mask(group, alive, Mask(), experiment.architecture.shapes)
    found = work(experiment).activity(experiment.initial, mask)
    x, _ = experiment.training(0)
    first = experiment.architecture.load(mask.apply(experiment.initial)).get_submodule("conv1")
    with torch.inference_mode():
        pooled = max_pool2d(first(x), 2).relu()
    np.testing.assert_array_equal(found["conv1"], (pooled == 0).double().mean(dim=(0, 2, 3)).numpy())
    assert found["conv1"][3] == 1.0
    assert {name: shares.shape for name, shares in found.items()} == {
        "conv1": (16,),
        "conv2": (32,),
        "fc1": (64,),
    }


def test_the_gate_reads_validation_samples_and_training_ones_where_there_are_none(
    experiment: Experiment,
) -> None:
    held_out = experiment.gating(0)
    assert held_out is not None
    x, y = held_out
    module = experiment.architecture.load(experiment.initial)
    with torch.inference_mode():
        right = float((module(x).argmax(1) == y).float().mean())
    working = work(experiment)
    assert working.gate_score is None
    assert working.gate(experiment.initial, Mask()) == pytest.approx(right)
    assert working.gate_score == pytest.approx(right)


def test_a_peer_has_the_architecture_asked_for_and_weights_of_its_own(experiment: Experiment) -> None:
    peer = work(experiment).peer({"name": "mlp", "hidden": [5]}, {})
    assert peer.model.weights()["fc1.weight"].shape == (5, 64)
    own = work(experiment).peer({}, {"fc2.bias": np.full(10, 7.0, np.float32)})
    assert (own.model.weights()["fc2.bias"] == 7.0).all()
    assert np.array_equal(own.model.weights()["fc1.weight"], experiment.initial["fc1.weight"])


def test_a_peers_rate_falls_as_much_slower_as_it_takes_more_steps_on_each_batch() -> None:
    settings = {**SETTINGS, "run": {"clients_per_round": 4}, "schedule": {"name": "cosine", "over": "steps"}}
    settings["train"] = {"epochs": 2, "lr": 0.05, "momentum": 0.0}
    experiment = open_experiment(Scenario.from_dict(settings).client_settings(), None)
    total = 3 * 2 * -(-len(experiment.training(0)[1]) // experiment.step.batch_size)
    peer = work(experiment).peer({}, {}, steps=3)
    values = []
    for _ in range(total):
        values.append(float(peer.model.weights()["fc2.bias"][0]))
        peer.descend(peer.model.parameters["fc2.bias"].sum())
    rates = [experiment.step.rate(at, total) for at in range(total - 1)]
    assert np.negative(np.diff(values)) == pytest.approx(rates, abs=1e-6)


def test_draws_are_keyed_by_purpose_client_and_round_unless_they_are_for_all_rounds(
    experiment: Experiment,
) -> None:
    draw = work(experiment).rng("mask").random()
    assert draw == work(experiment).rng("mask").random()
    others = (work(experiment, client=1), work(experiment, round=2))
    assert draw not in {other.rng("mask").random() for other in others} | {work(experiment).rng("x").random()}
    for_all = work(experiment).rng("mask", every_round=False).random()
    assert for_all == work(experiment, round=2).rng("mask", every_round=False).random()


def test_training_that_diverges_says_in_which_epoch_and_what_to_do(experiment: Experiment) -> None:
    wild = replace(
        experiment,
        scenario=Scenario.from_dict({**SETTINGS, "train": {"lr": 1e9}, "run": {"clients_per_round": 1}}),
    )
    with pytest.raises(DivergedError, match=r"diverged in epoch 1 .*lower train\.lr"):
        work(wild).fit(experiment.initial, Mask())


def test_a_schedule_over_rounds_is_the_learning_rate_of_the_round_and_the_end_has_the_last_ones() -> None:
    def moved(round: int, lr: float, *, final: bool = False, **schedule: Any) -> Arrays:
        settings = {
            **SETTINGS,
            "train": {"epochs": 1, "lr": lr, "batch_size": 100, "momentum": 0.0},
            "run": {"clients_per_round": 4, "rounds": 3},
            "schedule": schedule,
        }
        opened = open_experiment(Scenario.from_dict(settings).client_settings(), None)
        working = LocalWork(opened, 0, round, opened.training(0), final=final)
        return working.fit(opened.initial, Mask())

    halved = {"name": "exponential", "decay": 0.5}
    for round, lr in ((1, 0.08), (2, 0.04), (3, 0.02)):
        assert same(moved(round, 0.08, **halved), moved(round, lr))
    assert same(moved(4, 0.08, final=True, **halved), moved(4, 0.02))
    # A run that ended early, after its second round, is evaluated at that round's rate.
    assert same(moved(3, 0.08, final=True, **halved), moved(3, 0.04))
