"""FedRep: the head trains on a still body, then the body under a still head; only the body travels."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client
from fedprune.types import Arrays

from .toy import lend, toy_client

FedRep: Any = plugins.load("strategies", "fedrep").FedRep


def product_fit(goal: float) -> Callable[..., Arrays]:
    """Gradient descent on (a * b - goal)^2 / 2, a tenth of a step in each epoch."""

    def fit(weights: Arrays, mask: Mask, *, epochs: int | None = None, only: Collection[str]) -> Arrays:
        for _ in range(epochs or 1):
            body, head = weights["a.weight"], weights["b.weight"]
            error = body * head - goal
            slopes = {"a.weight": error * head, "b.weight": error * body}
            weights = weights | {name: weights[name] - slopes[name] / 10 for name in only}
        return weights

    return fit


def client_at(body: float, head: float, *, epochs: int) -> Client:
    weights = {"a.weight": np.float32([[body]]), "b.weight": np.float32([[head]])}
    return lend(toy_client(weights, epochs=epochs), fit=product_fit(8))


def test_a_round_by_hand() -> None:
    client = client_at(2, 1, epochs=3)
    FedRep().train(client)
    # Head, two epochs: 1 + 6*2/10 = 2.2, then 2.2 + 3.6*2/10 = 2.92. Body: 2 + (8 - 5.84)*2.92/10.
    np.testing.assert_allclose(client.weights["b.weight"], [[2.92]], rtol=1e-6)
    np.testing.assert_allclose(client.weights["a.weight"], [[2.63072]], rtol=1e-6)


def test_the_head_has_an_epoch_even_where_the_body_takes_all() -> None:
    client = client_at(2, 1, epochs=1)
    FedRep().train(client)
    # Head: 2.2. Body: 2 + 3.6*2.2/10.
    np.testing.assert_allclose(client.weights["b.weight"], [[2.2]], rtol=1e-6)
    np.testing.assert_allclose(client.weights["a.weight"], [[2.792]], rtol=1e-6)


def test_in_the_final_evaluation_only_the_head_trains() -> None:
    client = client_at(2, 1, epochs=1)
    client.final = True
    FedRep().train(client)
    np.testing.assert_allclose(client.weights["b.weight"], [[2.2]], rtol=1e-6)
    np.testing.assert_array_equal(client.weights["a.weight"], [[2]])


def test_the_body_travels_and_the_head_stays() -> None:
    strategy = FedRep()
    travelling = strategy.travels({"a.weight": (1, 1), "b.weight": (1, 1)}, frozenset())
    client = client_at(2, 1, epochs=1)
    strategy.receive(client, {"a.weight": np.float32([[7]])})
    assert (client.weights["a.weight"], client.weights["b.weight"]) == (7, 1)
    assert strategy.upload(client, travelling).arrays == {"a.weight": 7}


@pytest.mark.parametrize("field", ["head", "body_epochs"])
def test_fewer_than_one_is_refused_by_name(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: must be at least 1, got 0"):
        FedRep(**{field: 0})
