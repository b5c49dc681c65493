"""FedDST step by step: the first mask, a readjustment between epochs, and the server's mean and pruning."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.aggregation import Update
from fedprune.pruning.mask import Mask
from fedprune.runs.arrays import unpack
from fedprune.runs.log import read_lines
from fedprune.strategy import Client, Server
from fedprune.types import Arrays

from .toy import lend, row, toy_client

FedDST: Any = plugins.load("strategies", "feddst").FedDST

HALF = Mask({"w": np.array([[True, True, True, False, False, False]])})


def server_of(weights: Arrays, mask: Mask | None = None) -> Server:
    return Server(weights, dict(mask or {}), 1, weights, ("w",))


def keeps(*kept: int) -> Mask:
    return Mask({"w": np.array([kept], np.bool_)})


class Training:
    """Stands for ``client.fit``: adds 1 to what lives, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int | None, Mask]] = []

    def __call__(self, weights: Arrays, mask: Mask, *, epochs: int | None = None, **more: Any) -> Arrays:
        self.asked.append((epochs, mask))
        return mask.apply({name: value + 1 for name, value in weights.items()})


def client_in(round: int, epochs: int) -> tuple[Client, Training]:
    client, training = toy_client(row(0, 4, 2, 0, 0, 0), mask=HALF, epochs=epochs), Training()
    client.round, client.shared = round, HALF
    lend(client, fit=training)
    lend(client, gradient=lambda weights, *, batches=None: row(9, 9, 9, 1, -3, 2))
    return client, training


def test_the_first_mask_keeps_the_largest_initial_weights_and_is_told_to_all_that_lack_it() -> None:
    server = server_of(row(1, -6, 2, 5, 3, 4))
    assert FedDST(density=0.5).begin(server) is server.weights
    expected = keeps(0, 1, 0, 1, 0, 1)
    assert Mask(server.memory) == expected
    assert FedDST().send(server, {"w": (1, 6)}, Mask()).mask == expected
    assert FedDST().send(server, {"w": (1, 6)}, expected).mask is None
    np.testing.assert_array_equal(FedDST().global_model(server)["w"], [[0, -6, 0, 5, 0, 4]])


def test_a_client_moves_its_weakest_half_way_and_trains_on_under_the_new_mask() -> None:
    client, training = client_in(round=2, epochs=5)
    FedDST(density=0.5, drop=0.4, anneal=1000).train(client)
    # A third of 1, 5, 3 goes: 0. Its own gradient is the largest of what is dead, so that it stays.
    assert training.asked == [(3, HALF), (2, HALF)]
    np.testing.assert_array_equal(client.weights["w"], [[2, 6, 4, 0, 0, 0]])
    client, training = client_in(round=2, epochs=5)
    lend(client, gradient=lambda weights, *, batches=None: row(0, 9, 9, 1, -3, 2))
    FedDST(density=0.5, drop=0.4, anneal=1000).train(client)
    moved = keeps(0, 1, 1, 0, 1, 0)
    assert training.asked == [(3, HALF), (2, moved)]
    # The regrown one starts at zero.
    np.testing.assert_array_equal(client.weights["w"], [[0, 6, 4, 0, 1, 0]])
    assert FedDST().upload(client, {"w": (1, 6)}).mask == moved


def test_with_one_epoch_the_readjustment_ends_the_round() -> None:
    client, training = client_in(round=2, epochs=1)
    lend(client, gradient=lambda weights, *, batches=None: row(0, 9, 9, 1, -3, 2))
    FedDST(density=0.5, drop=0.4, anneal=1000).train(client)
    assert training.asked == [(1, HALF)]
    np.testing.assert_array_equal(client.weights["w"], [[0, 5, 3, 0, 0, 0]])


@pytest.mark.parametrize(
    ("round", "readjusts"), [(1, False), (2, True), (3, False), (5, True), (8, True), (11, False)]
)
def test_the_mask_moves_every_interval_from_round_2_until_the_share_is_nothing(
    round: int, readjusts: bool
) -> None:
    strategy = FedDST(density=0.5, drop=0.4, interval=3)
    for chosen, rounds in ((dataclasses.replace(strategy, anneal=10), 99), (strategy, 20)):
        client, training = client_in(round, epochs=2)
        client.rounds = rounds
        chosen.train(client)
        assert [epochs for epochs, _ in training.asked] == ([1, 1] if readjusts else [None])
    client, training = client_in(round, epochs=2)
    client.final = True
    strategy.train(client)
    assert [epochs for epochs, _ in training.asked] == [None]
    assert FedDST().upload(client, {"w": (1, 6)}).mask is None


def test_the_server_averages_over_holders_by_samples_and_keeps_the_largest_of_what_is_held() -> None:
    server = server_of(row(9, 9, 9, 9, 9, 9), keeps(1, 1, 1, 0, 0, 0))
    updates = [
        Update(1, 10, row(4, 1, 0, 0, 5, 0), keeps(1, 1, 0, 0, 1, 0)),
        Update(2, 30, row(8, 0, -2, 3, 0, 0), keeps(1, 0, 1, 1, 0, 0)),
    ]
    server.weights = FedDST(density=0.5).aggregate(server, updates)
    # (10 * 4 + 30 * 8) / 40; what nobody holds keeps its old value, and is no candidate however large.
    np.testing.assert_array_equal(server.weights["w"], [[7, 1, -2, 3, 5, 9]])
    assert Mask(server.memory) == keeps(1, 0, 0, 1, 1, 0)


def test_all_clients_end_with_one_mask_of_the_density_that_has_moved(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 3, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shards_per_client": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 2, "lr": 0.05},
        "evaluate": {"every": 0},
        "engine": {"name": "in_process"},
        "strategy": {"name": "feddst", "density": 0.4, "drop": 0.3},
    }
    (result,) = simulate.run(settings, out=tmp_path)
    rows = read_lines(result.folder / "rounds.jsonl")
    assert [row["density"] for row in rows] == pytest.approx([0.4] * 3, abs=1e-3)
    # Masks go down to newcomers and after a readjustment, up only in one.
    assert [row["bytes_down_mask"] > 0 for row in rows] == [True, False, True]
    assert [row["bytes_up_mask"] > 0 for row in rows] == [False, True, False]
    first, other = (
        Mask(unpack((result.folder / "final" / f"mask-{id}.safetensors").read_bytes())) for id in (0, 1)
    )
    assert first == other


@pytest.mark.parametrize(
    ("field", "value"), [("density", 0.0), ("drop", -0.1), ("interval", 0), ("anneal", 0)]
)
def test_settings_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        FedDST(**{field: value})
