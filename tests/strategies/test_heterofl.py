"""HeteroFL: nested first channels by turns, averaged over those who have them, hidden outputs divided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fedprune import plugins, simulate
from fedprune.compute.model import LocalModel
from fedprune.models import architecture
from fedprune.pruning.groups import alive_channels
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario
from fedprune.strategy import Server, Update
from fedprune.tasks.classification import Classification

from .toy import client_of, lend, row

HeteroFL: Any = plugins.load("strategies", "heterofl").HeteroFL
MADE = architecture("digits_cnn", (1, 8, 8), 10)


def server(recipient: int) -> Server:
    weights = MADE.initial_weights(0)
    return Server(weights, prunable=MADE.prunable, groups=MADE.groups, recipient=recipient)


@pytest.mark.parametrize(("client", "alive"), [(0, 1.0), (1, 0.5), (2, 0.3), (3, 1.0), (5, 0.3)])
def test_clients_have_the_first_channels_by_turns(client: int, alive: float) -> None:
    strategy = HeteroFL(widths=(1.0, 0.5, 0.3))
    mask = strategy.send(server(client), MADE.shapes, Mask()).mask
    assert tuple(mask) == strategy.masked(MADE.prunable, MADE.groups)
    for group in MADE.groups:
        # Rounded up: 0.3 of 16 channels are 5.
        expected = np.arange(group.size) < np.ceil(alive * group.size)
        np.testing.assert_array_equal(alive_channels(group, mask), expected)


def test_who_knows_its_submodel_is_not_told_again() -> None:
    known = HeteroFL().send(server(1), MADE.shapes, Mask()).mask
    assert HeteroFL().send(server(1), MADE.shapes, known).mask is None


def test_the_server_averages_each_weight_over_those_who_have_it() -> None:
    updates = [
        Update(0, 30, row(2, 4, 6), Mask.ones({"w": (1, 3)})),
        Update(1, 10, row(4, 0, 0), Mask({"w": np.array([[True, False, False]])})),
    ]
    np.testing.assert_array_equal(HeteroFL().aggregate(Server(row(0, 0, 0)), updates)["w"], [[3, 4, 6]])


def test_what_a_client_uses_computes_what_it_trained_and_the_shared_weights_go_up() -> None:
    strategy = HeteroFL(widths=(0.5,))
    down = strategy.send(server(0), MADE.shapes, Mask())
    client = client_of(MADE, MADE.initial_weights(0), Mask())
    client.shared = down.mask
    strategy.receive(client, client.shared.apply(down.arrays))
    x, y = torch.ones(3, 1, 8, 8), torch.tensor([1, 2, 3])
    seen = []

    def fit(weights: Any, mask: Mask, *, loss: Any) -> Any:
        model = LocalModel(MADE, weights, mask, Classification())
        seen.append(float(loss(model, x, y).detach()))
        return weights

    lend(client, fit=fit)
    strategy.train(client)
    used = LocalModel(MADE, client.weights, client.mask, Classification())
    assert float(used.loss(used.module(x), y).detach()) == pytest.approx(seen[0], rel=1e-5)
    sent = strategy.upload(client, MADE.shapes).arrays
    for name, value in sent.items():
        kept = client.mask.get(name, np.ones(value.shape, np.bool_))
        np.testing.assert_array_equal(value[kept], down.arrays[name][kept])
        # Two hidden layers of convolutions and one linear; the last layer is as it is.
        factor = 1.0 if name.startswith("fc2") else 2.0
        np.testing.assert_allclose(client.weights[name][kept], factor * value[kept], rtol=1e-6)


def test_in_a_run_narrow_clients_cost_less(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 2, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "lr": 0.05},
        "strategy": {"name": "heterofl", "widths": [1.0, 0.25]},
        "engine": {"name": "in_process"},
    }
    (result,) = simulate.run(Scenario.from_dict(settings), out=tmp_path)
    # A quarter of the channels: conv1 4 * 9 + 4, conv2 8 * 4 * 9 + 8, fc1 16 * 8 * 4 + 16, fc2 10 * 16 + 10.
    narrow = 40 + 296 + 528 + 170
    values = 4 * 2 * (13706 + narrow)
    assert values < result.metrics["bytes_up_total"] < values + 2000
    assert result.metrics["bytes_down_total"] < values + 3000


def test_widths_outside_0_to_1_are_refused_by_name() -> None:
    for widths in ((), (1.0, 0.0), (1.5,)):
        with pytest.raises(ValueError, match=r"^widths: must be some, each in"):
            HeteroFL(widths=widths)
