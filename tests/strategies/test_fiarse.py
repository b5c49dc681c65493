"""FIARSE: clients get the largest weights by turns, and weights learn through the threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Server, Update

from .line import line_fit
from .toy import lend, row, toy_client

FIARSE: Any = plugins.load("strategies", "fiarse").FIARSE


def server(recipient: int) -> Server:
    return Server({**row(1, -4, 2, 3), "b": np.float32([7])}, prunable=("w",), recipient=recipient)


@pytest.mark.parametrize(
    ("client", "kept"), [(0, [1, 1, 1, 1]), (1, [0, 1, 0, 1]), (2, [0, 1, 0, 0]), (4, [0, 1, 0, 1])]
)
def test_clients_get_the_largest_weights_by_turns(client: int, kept: list[int]) -> None:
    strategy = FIARSE(densities=(1.0, 0.5, 0.25))
    payload = strategy.send(server(client), {"w": (1, 4), "b": (1,)}, Mask())
    np.testing.assert_array_equal(payload.mask["w"], [kept])
    assert list(payload.mask) == ["w"]
    assert strategy.send(server(client), {"w": (1, 4)}, payload.mask).mask is None


def test_a_density_never_leaves_a_client_less_than_it_says() -> None:
    mask = FIARSE(densities=(0.3,)).send(server(0), {"w": (1, 4)}, Mask()).mask
    assert mask.kept == 2


def trained(weights: list[float], kept: list[bool], lr: float, goal: float) -> Client:
    client = lend(toy_client(row(*weights), mask=Mask({"w": np.array([kept])})), fit=line_fit(lr, [goal]))
    FIARSE().train(client)
    return client


def test_a_step_by_hand() -> None:
    # The threshold is the smallest kept size, 1. Gradients of the living weights are w - 4.
    client = trained([1, 3, 0], [True, True, False], 0.125, 4.0)
    sent = FIARSE().upload(client, {"w": (1, 3)}).arrays["w"]
    # Slopes 1 + 2*1*1/2^2 = 1.5 and 1 + 2*1*3/4^2 = 1.375; what is not there has none.
    np.testing.assert_allclose(sent, [[1 + 3 * 1.5 / 8, 3 + 1.375 / 8, 0]], rtol=1e-6)
    np.testing.assert_array_equal(client.weights["w"], sent)


def test_what_falls_under_the_threshold_leaves_the_clients_network_and_goes_up() -> None:
    client = trained([1, 3], [True, True], 0.125, 0.0)
    sent = FIARSE().upload(client, {"w": (1, 2)}).arrays["w"]
    np.testing.assert_allclose(sent, [[1 - 1.5 / 8, 3 - 3 * 1.375 / 8]], rtol=1e-6)
    np.testing.assert_allclose(client.weights["w"], [[0, 3 - 3 * 1.375 / 8]], rtol=1e-6)


def test_the_server_averages_over_those_who_have_a_weight() -> None:
    updates = [
        Update(0, 30, row(2, 4), Mask.ones({"w": (1, 2)})),
        Update(1, 10, row(4, 0), Mask({"w": np.array([[True, False]])})),
    ]
    np.testing.assert_array_equal(FIARSE().aggregate(Server(row(0, 0)), updates)["w"], [[3, 4]])


def test_densities_outside_0_to_1_are_refused_by_name() -> None:
    for densities in ((), (0.0,), (1.0, 2.0)):
        with pytest.raises(ValueError, match=r"^densities: must be some, each in"):
            FIARSE(densities=densities)
