"""FedPer: the body travels and is averaged, the head stays, and both train at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.strategy import Server, Update

from .toy import lend, toy_client

FedPer: Any = plugins.load("strategies", "fedper").FedPer


@pytest.mark.parametrize(("head", "left"), [(1, ["conv1", "conv2", "fc1"]), (2, ["conv1", "conv2"])])
def test_all_but_the_last_layers_travel(head: int, left: list[str]) -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10)
    travelling = FedPer(head=head).travels(made.shapes, made.statistics)
    assert list(travelling) == [f"{layer}.{kind}" for layer in left for kind in ("weight", "bias")]


def test_a_round_by_hand() -> None:
    strategy = FedPer()
    travelling = strategy.travels({"a.weight": (1, 2), "b.weight": (1, 2)}, frozenset())
    sent = []
    for own, samples in ((10, 1), (20, 3)):
        client = toy_client({"a.weight": np.float32([[0, 0]]), "b.weight": np.float32([[own, own]])})
        # Training adds a hundredth of the head's first weight to all.
        lend(
            client,
            fit=lambda weights, mask, **_: {
                name: value + weights["b.weight"][0, 0] / 100 for name, value in weights.items()
            },
        )
        strategy.receive(client, {"a.weight": np.float32([[1, 2]])})
        strategy.train(client)
        np.testing.assert_allclose(client.weights["b.weight"], [[own * 1.01] * 2], rtol=1e-6)
        sent.append(Update(own, samples, strategy.upload(client, travelling).arrays, Mask()))
    server = Server({"a.weight": np.float32([[1, 2]]), "b.weight": np.float32([[5, 5]])})
    mean = strategy.aggregate(server, sent)
    # (1 * 1.1 + 3 * 1.2) / 4 and one more; the server's head is nobody's.
    np.testing.assert_allclose(mean["a.weight"], [[1.175, 2.175]], rtol=1e-6)
    np.testing.assert_array_equal(mean["b.weight"], [[5, 5]])


def test_fewer_than_one_personal_layer_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"head: must be at least 1, got 0"):
        FedPer(head=0)
