"""Hermes: personal channels, and only what every participant kept is averaged and sent down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.models import Architecture, architecture
from fedprune.pruning.groups import alive_channels
from fedprune.pruning.mask import Mask
from fedprune.strategy import Server, Update
from fedprune.types import Arrays

from .toy import client_of, play, row, toy_client

Hermes: Any = plugins.load("strategies", "hermes").Hermes

ALL = Mask({"w": np.array([[1, 1, 1]])})
WITHOUT_THE_LAST = Mask({"w": np.array([[1, 1, 0]])})


def averaged() -> Server:
    """A server after a round in which client 1 had dropped the last coordinate."""
    server = Server(row(7, 7, 7), round=1)
    updates = [Update(0, 1, row(2, 6, 9), ALL), Update(1, 3, row(4, 0, 0), WITHOUT_THE_LAST)]
    server.weights = Hermes().aggregate(server, updates)
    return server


def returning(mask: Mask, *values: float) -> Arrays:
    """The weights of a client that kept ``values`` and takes what the server sends it."""
    payload = Hermes().send(averaged(), {"w": (1, 3)}, mask)
    client = toy_client(row(*values), mask=mask)
    client.shared = mask if payload.mask is None else payload.mask
    # What is not sent arrives as zero.
    Hermes().receive(client, client.shared.apply(payload.arrays))
    assert client.mask == mask
    return client.weights


def test_a_coordinate_that_one_client_dropped_is_not_averaged() -> None:
    # Elsewhere the plain mean, whatever the number of samples.
    np.testing.assert_array_equal(averaged().weights["w"], [[3, 3, 7]])


def test_every_holder_keeps_its_own_value_of_what_was_not_averaged() -> None:
    np.testing.assert_array_equal(returning(ALL, 2, 6, 9)["w"], [[3, 3, 9]])
    np.testing.assert_array_equal(returning(WITHOUT_THE_LAST, 4, 0, 0)["w"], [[3, 3, 0]])


def test_what_a_client_dropped_stays_dropped_where_the_others_averaged() -> None:
    without_the_first = Mask({"w": np.array([[0, 1, 1]])})
    np.testing.assert_array_equal(returning(without_the_first, 0, 6, 9)["w"], [[0, 3, 9]])


def test_a_newcomer_takes_the_whole_model() -> None:
    payload = Hermes().send(averaged(), {"w": (1, 3)}, Mask())
    assert payload.mask is None
    np.testing.assert_array_equal(returning(Mask(), 1, 1, 1)["w"], [[3, 3, 7]])


def test_a_mask_goes_down_only_where_the_average_is_less_than_what_the_client_kept() -> None:
    assert Hermes().send(averaged(), {"w": (1, 3)}, WITHOUT_THE_LAST).mask is None
    assert Hermes().send(averaged(), {"w": (1, 3)}, ALL).mask == WITHOUT_THE_LAST


def test_the_next_rounds_intersection_replaces_the_last() -> None:
    server = averaged()
    server.weights = Hermes().aggregate(server, [Update(0, 1, row(1, 2, 3), ALL)])
    np.testing.assert_array_equal(server.weights["w"], [[1, 2, 3]])
    assert Hermes().send(server, {"w": (1, 3)}, ALL).mask is None


def random_weights(made: Architecture, rng: np.random.Generator) -> Arrays:
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in made.shapes.items()}


def test_channels_go_by_scale_or_norm_with_all_that_belongs_to_them() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    weights = random_weights(made, np.random.default_rng(0))
    weights["bn1.weight"] = np.arange(16, 0, -1, dtype=np.float32)
    weights["fc1.weight"][5] *= 1e-3
    client = client_of(made, weights, Mask())
    play(Hermes(step=0.125, target=0.9), client, [weights])
    first, *_, last = made.groups
    # An eighth of 16 channels, the smallest scales; unit 5 of fc1 has the smallest norm.
    assert np.flatnonzero(~alive_channels(first, client.mask)).tolist() == [14, 15]
    assert 5 in np.flatnonzero(~alive_channels(last, client.mask))
    assert not client.mask["conv1.weight"][14:].any()
    assert not client.mask["conv2.weight"][:, 14:].any()
    assert not client.weights["conv2.weight"][:, 14:].any()
    assert np.array_equal(client.weights["conv1.weight"][:14], weights["conv1.weight"][:14])


@pytest.mark.parametrize("target", [0.0, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("model", ["digits_cnn", "mlp"])
def test_steps_approach_the_target_and_never_overshoot(model: str, target: float) -> None:
    made = architecture(model, (1, 8, 8), 10)
    rng, mask = np.random.default_rng(0), Mask()
    size = sum(int(np.prod(made.shapes[name])) for name in made.prunable)
    pruned = []
    for _ in range(14):
        client = client_of(made, random_weights(made, rng), mask)
        Hermes(target=target).after_training(client)
        assert client.mask.is_subset(mask)
        mask = client.mask
        weights = Mask({name: mask[name] for name in made.prunable if name in mask})
        pruned.append((weights.size - weights.kept) / size)
    assert pruned == sorted(pruned)
    assert pruned[-1] <= target
    # No channel of these models carries more than 3 % of the weights.
    assert pruned[-1] > target - 0.03 or target == 0.0


@pytest.mark.parametrize(("accuracy", "prunes"), [(0.5, False), (0.51, True)])
def test_only_a_trained_model_above_the_gate_is_pruned(accuracy: float, prunes: bool) -> None:
    made = architecture("mlp", (1, 8, 8), 10)
    client = client_of(made, random_weights(made, np.random.default_rng(0)), Mask())
    client.gate.accuracy = accuracy  # type: ignore[attr-defined]
    Hermes(gate=0.5).after_training(client)
    assert bool(client.mask) == prunes


def test_a_small_layer_loses_one_channel_at_a_step_and_never_the_last() -> None:
    made = architecture("mlp", (1, 8, 8), 10, {"hidden": [3]})
    mask, alive = Mask(), []
    for _ in range(4):
        client = client_of(made, random_weights(made, np.random.default_rng(0)), mask)
        Hermes(step=0.1, target=0.99).after_training(client)
        mask = client.mask
        alive.append(int(alive_channels(made.groups[0], mask).sum()))
    assert alive == [2, 1, 1, 1]


def test_an_uploaded_mask_covers_weights_and_all_members_of_groups() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    client = client_of(made, random_weights(made, np.random.default_rng(0)), Mask())
    payload = Hermes().upload(client, made.shapes)
    assert tuple(payload.mask) == Hermes().masked(made.prunable, made.groups)
    assert {"fc2.weight", "bn1.running_var", "fc1.bias"} <= set(payload.mask)
    assert payload.mask.density == 1


@pytest.mark.parametrize("wrong", [{"target": 1.0}, {"step": -0.1}, {"gate": 1.0}])
def test_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        Hermes(**wrong)
