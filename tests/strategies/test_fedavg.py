"""FedAvg: everything travels, one global model, averaged by sample counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from fedprune import plugins
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.strategy import Server, Update

from .toy import play, row, toy_client

FedAvg: Any = plugins.load("strategies", "fedavg").FedAvg


def test_the_average_is_by_sample_counts() -> None:
    updates = [Update(client, samples, row(client, 8), Mask()) for client, samples in ((2, 1), (6, 3))]
    # (1*2 + 3*6) / 4
    np.testing.assert_array_equal(FedAvg().aggregate(Server(row(0, 0)), updates)["w"], [[5, 8]])


def test_every_parameter_travels_both_ways_and_no_mask_does() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    strategy, weights = FedAvg(), made.initial_weights(0)
    travelling = strategy.travels(made.shapes, made.statistics)
    assert travelling == made.shapes
    assert strategy.masked(made.prunable, made.groups) == ()
    down = strategy.send(Server(weights), travelling, Mask())
    assert down.mask is None
    assert down.arrays == weights
    up = strategy.upload(toy_client(weights), travelling)
    assert up.mask is None
    assert up.arrays == weights


def test_personal_statistics_stay_at_home() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    travelling = FedAvg(statistics="personal").travels(made.shapes, made.statistics)
    assert made.shapes.keys() - travelling.keys() == made.statistics
    assert made.statistics


def test_a_client_takes_what_it_receives_and_prunes_nothing() -> None:
    client = toy_client(row(1, 2))
    FedAvg().receive(client, row(3, 4))
    np.testing.assert_array_equal(client.weights["w"], [[3, 4]])
    play(FedAvg(), client, [row(5, 6), row(7, 8)])
    np.testing.assert_array_equal(client.weights["w"], [[7, 8]])
    assert not client.mask
    assert not client.gate.asked


def test_a_client_keeps_no_model() -> None:
    assert not FedAvg().keeps_model
