"""SparsyFed: powers are trained, the largest go up, and what others pruned counts as zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.strategy import Server, Update

from .line import line_fit
from .toy import lend, row, toy_client

SparsyFed: Any = plugins.load("strategies", "sparsyfed").SparsyFed


def test_a_clients_round_by_hand() -> None:
    strategy = SparsyFed(power=2.0, density=0.5)
    client = toy_client(row(0, 0))
    client.shared = Mask.ones({"w": (1, 2)})
    lend(client, fit=line_fit(0.125, [2.0]))
    strategy.receive(client, row(1, -0.5))
    np.testing.assert_array_equal(client.weights["w"], [[1, -0.25]])
    strategy.train(client)
    # v moves by its gradient (w - 2) * 2 |v|: 1 + 1 * 2 / 8, -0.5 + 2.25 / 8.
    np.testing.assert_allclose(client.weights["w"], [[1.25**2, -(0.21875**2)]], rtol=1e-5)
    strategy.after_training(client)
    payload = strategy.upload(client, {"w": (1, 2)})
    np.testing.assert_allclose(payload.arrays["w"], [[1.25, 0]], rtol=1e-6)
    np.testing.assert_array_equal(payload.mask["w"], [[True, False]])


def test_a_weight_at_zero_has_no_gradient_and_stays_there() -> None:
    client = lend(toy_client(row(1, 0)), fit=line_fit(0.125, [2.0, 3.0]))
    SparsyFed(density=1.0).train(client)
    assert client.weights["w"][0, 0] > 1
    assert client.weights["w"][0, 1] == 0


def test_what_a_client_pruned_counts_as_zero_in_the_mean() -> None:
    updates = [
        Update(0, 30, row(4, 0, 0), Mask({"w": np.array([[True, False, False]])})),
        Update(1, 10, row(8, 4, 0), Mask({"w": np.array([[True, True, False]])})),
    ]
    server = Server(row(9, 9, 9), prunable=("w",))
    server.weights = SparsyFed().aggregate(server, updates)
    np.testing.assert_array_equal(server.weights["w"], [[5, 1, 0]])
    down = SparsyFed().send(server, {"w": (1, 3)}, Mask())
    np.testing.assert_array_equal(down.mask["w"], [[True, True, False]])
    np.testing.assert_allclose(SparsyFed(power=2.0).global_model(server)["w"], [[25, 1, 0]])


def test_the_network_begins_with_the_initial_weights() -> None:
    strategy = SparsyFed()
    server = Server({**row(0.5, -2), "b": np.float32([3])}, prunable=("w",))
    begun = strategy.begin(server)
    assert begun["b"] == 3
    client = toy_client(row(0, 0))
    strategy.receive(client, begun)
    np.testing.assert_allclose(client.weights["w"], [[0.5, -2]], rtol=1e-6)


@pytest.mark.parametrize(("field", "value"), [("density", 0.0), ("density", 1.5), ("power", 0.5)])
def test_settings_out_of_bounds_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must"):
        SparsyFed(**{field: value})
