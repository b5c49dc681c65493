"""What every criterion that is found promises, on a real model and a real client's data."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune import plugins
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.models import architecture
from fedprune.pruning.criteria import Evidence, criterion
from fedprune.pruning.granularity import Granularity, Scope, pools, prune_units
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of
from fedprune.scenario import Scenario
from fedprune.types import Arrays, UserError

EVERY = pytest.mark.parametrize("name", plugins.names("criteria"))


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    settings = {
        "run": {"clients_per_round": 2},
        "partition": {"name": "shards", "clients": 4, "shard_size": 20},
        "model": {"name": "digits_cnn", "batch_norm": True},
        "train": {"epochs": 1},
    }
    return open_experiment(Scenario.from_dict(settings).client_settings(), None)


@pytest.fixture(scope="module")
def trained(experiment: Experiment) -> Arrays:
    weights = {name: value.copy() for name, value in experiment.initial.items()}
    rng = np.random.default_rng(0)
    for scale in ("bn1.weight", "bn2.weight"):
        weights[scale] = rng.uniform(0.5, 1.5, weights[scale].shape).astype(np.float32)
    return weights


def evidence(
    experiment: Experiment, weights: Arrays, client: int = 0, round: int = 1, times: float = 1.0
) -> Evidence:
    """What a client knows; ``times`` multiplies its gradient."""
    work = LocalWork(experiment, client, round, experiment.training(client))
    return Evidence(
        experiment.architecture.prunable,
        experiment.architecture.groups,
        gradient=lambda: {name: value * times for name, value in work.gradient(weights).items()},
        activity=lambda: work.activity(weights, Mask()),
        rng=lambda: work.rng("importance"),
    )


@EVERY
def test_scores_are_float64_of_the_parameters_shapes_and_not_negative(
    name: str, experiment: Experiment, trained: Arrays
) -> None:
    before = {each: value.copy() for each, value in trained.items()}
    found = criterion(name)(trained, evidence(experiment, trained))
    assert found
    assert list(found) == [each for each in experiment.architecture.prunable if each in found]
    for each, scores in found.items():
        assert scores.dtype == np.float64
        assert scores.shape == trained[each].shape
        assert (scores >= 0).all()
    assert any(np.unique(scores).size > 1 for scores in found.values())
    assert all(np.array_equal(value, before[each]) for each, value in trained.items())


@EVERY
def test_the_same_client_and_round_score_the_same_in_any_order(
    name: str, experiment: Experiment, trained: Arrays
) -> None:
    score = criterion(name)
    forward = [score(trained, evidence(experiment, trained, client)) for client in (0, 1, 2)]
    backward = [score(trained, evidence(experiment, trained, client)) for client in (2, 1, 0)][::-1]
    for once, again in zip(forward, backward, strict=True):
        assert all(np.array_equal(scores, again[each]) for each, scores in once.items())


@EVERY
@pytest.mark.parametrize("granularity", ["weight", "kernel", "channel"])
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_every_scope_and_granularity_ends_at_the_exact_count_and_only_shrinks(
    name: str, granularity: Granularity, scope: Scope, experiment: Experiment, trained: Arrays
) -> None:
    made = experiment.architecture
    importance = criterion(name)(trained, evidence(experiment, trained))
    units = [
        pool for pool in pools(granularity, made.prunable, made.groups) if pool.scores(importance) is not None
    ]
    mask = Mask()
    for sparsity in (0.3, 0.8):
        after = prune_units(mask, units, importance, sparsity, scope, made.shapes)
        assert after.is_subset(mask)
        dead = [~pool.alive(after, made.shapes) for pool in units]
        if scope == "global":
            every = np.concatenate(dead)
            assert every.sum() == share_of(sparsity, every.size)
        else:
            assert [each.sum() for each in dead] == [
                min(share_of(sparsity, each.size), each.size - 1) for each in dead
            ]
        assert not any(each.all() for each in dead)
        mask = after


@EVERY
def test_a_larger_loss_prunes_the_same(name: str, experiment: Experiment, trained: Arrays) -> None:
    made = experiment.architecture
    masks = [
        prune_units(
            Mask(),
            pools("weight", made.prunable, made.groups),
            criterion(name)(trained, evidence(experiment, trained, times=times)),
            0.5,
            "global",
            made.shapes,
        )
        for times in (1.0, 8.0)
    ]
    assert masks[0] == masks[1]


@pytest.mark.parametrize("name", ["magnitude", "filter_l1", "filter_l2", "batch_norm"])
def test_criteria_of_size_order_larger_weights_the_same(
    name: str, experiment: Experiment, trained: Arrays
) -> None:
    larger = {each: value * np.float32(4) for each, value in trained.items()}
    small, large = (criterion(name)(weights, evidence(experiment, weights)) for weights in (trained, larger))
    for each, scores in small.items():
        np.testing.assert_array_equal(scores * 4, large[each])


def test_random_differs_by_client_and_by_round(experiment: Experiment, trained: Arrays) -> None:
    draws = [
        criterion("random")(trained, evidence(experiment, trained, client, round))["fc1.weight"]
        for client, round in ((0, 1), (1, 1), (0, 2))
    ]
    assert all(
        not np.array_equal(one, other) for one, other in zip(draws, draws[1:] + draws[:1], strict=True)
    )


def test_snip_and_gradient_read_the_clients_gradient(experiment: Experiment, trained: Arrays) -> None:
    gradient = LocalWork(experiment, 0, 1, experiment.training(0)).gradient(trained)
    for name in experiment.architecture.prunable:
        slope = np.abs(gradient[name].astype(np.float64))
        found = {
            which: criterion(which)(trained, evidence(experiment, trained))[name]
            for which in ("snip", "gradient")
        }
        np.testing.assert_array_equal(found["gradient"], slope)
        np.testing.assert_allclose(found["snip"], slope * np.abs(trained[name]), rtol=1e-12)


def test_activation_ranks_a_channel_that_never_fires_lowest(experiment: Experiment, trained: Arrays) -> None:
    silent = {**trained, "fc1.bias": trained["fc1.bias"].copy()}
    silent["fc1.bias"][7] = -1e6
    scores = criterion("activation")(silent, evidence(experiment, silent))
    assert (scores["fc1.weight"][7] == 0).all()
    assert scores["fc1.weight"][6].max() > 0
    assert "fc2.weight" not in scores


def test_batch_norm_speaks_only_of_layers_with_a_norm(experiment: Experiment, trained: Arrays) -> None:
    scores = criterion("batch_norm")(trained, evidence(experiment, trained))
    assert set(scores) == {"conv1.weight", "conv2.weight"}
    expected = np.abs(trained["bn1.weight"]).astype(np.float64)
    np.testing.assert_array_equal(scores["conv1.weight"][:, 0, 1, 2], expected)


def test_channels_of_a_residual_net_score_over_all_layers_that_compute_them() -> None:
    made = architecture("resnet20", (1, 8, 8), 4, {"width": 0.25})
    weights = made.initial_weights(0)
    known = Evidence(made.prunable, made.groups, dict, dict, lambda: np.random.Generator(np.random.PCG64(0)))
    scores = criterion("filter_l1")(weights, known)
    writers = ["conv", *(f"stage1block{block}.conv2" for block in (1, 2, 3))]
    norms = sum(
        np.abs(weights[f"{layer}.weight"].astype(np.float64)).sum(axis=(1, 2, 3)) for layer in writers
    )
    for layer in writers:
        np.testing.assert_allclose(scores[f"{layer}.weight"][:, 0, 0, 0], norms)


@pytest.mark.parametrize("name", ["activation", "batch_norm", "filter_l1", "filter_l2"])
def test_a_criterion_with_nothing_to_speak_of_says_so(name: str) -> None:
    nothing = Evidence(("w",), (), dict, dict, lambda: np.random.Generator(np.random.PCG64(0)))
    with pytest.raises(UserError, match=rf"criterion '{name}': .*; (set|use) "):
        criterion(name)({"w": np.ones((2, 2), np.float32)}, nothing)


def test_an_unknown_criterion_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UserError, match=r"unknown criterion 'magnitud', did you mean 'magnitude'\?"):
        criterion("magnitud")
