"""FedBN: norms never travel, all else is averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.strategy import Server, Update

from .toy import toy_client

FedBN: Any = plugins.load("strategies", "fedbn").FedBN


@pytest.mark.parametrize(
    ("name", "options", "stays"),
    [
        ("digits_cnn", {}, []),
        ("digits_cnn", {"batch_norm": True}, ["bn1", "bn2"]),
        ("tabular", {}, ["block1.norm", "block2.norm", "norm"]),
    ],
)
def test_all_of_a_norm_stays_and_no_more(name: str, options: dict[str, Any], stays: list[str]) -> None:
    made = architecture(name, (1, 8, 8), 10, options)
    travelling = FedBN().travels(made.shapes, made.statistics)
    home = [name for name in made.shapes if name not in travelling]
    assert list(dict.fromkeys(name.rpartition(".")[0] for name in home)) == stays
    assert len(home) == len(stays) * (4 if "bn1" in stays else 2)


def test_a_round_by_hand() -> None:
    strategy = FedBN()
    shapes = {"a.weight": (1, 1), "bn.weight": (1,), "bn.running_mean": (1,)}
    travelling = strategy.travels(shapes, frozenset({"bn.running_mean"}))
    assert list(travelling) == ["a.weight"]
    updates = []
    for client_id, samples, value in ((0, 1, 2), (1, 3, 6)):
        client = toy_client({name: np.full(shape, value, np.float32) for name, shape in shapes.items()})
        strategy.receive(client, {"a.weight": np.float32([[4]])})
        assert [float(client.weights[name].item()) for name in shapes] == [4, value, value]
        client.weights["a.weight"] = np.float32([[value]])
        updates.append(Update(client_id, samples, strategy.upload(client, travelling).arrays, Mask()))
    # (1*2 + 3*6) / 4
    assert strategy.aggregate(Server({"a.weight": np.float32([[4]])}), updates) == {"a.weight": 5}
