"""DisPFL step by step: a newcomer's mask, what moves, what travels, and a density that never changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.aggregation import Update
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.pruning.regrow import layer_counts
from fedprune.runs.arrays import unpack
from fedprune.runs.log import read_lines
from fedprune.seeds import generator
from fedprune.strategy import Client, Server
from fedprune.types import Arrays

from .toy import lend, row, toy_client

DisPFL: Any = plugins.load("strategies", "dispfl").DisPFL

HALF = Mask({"w": np.array([[True, True, True, True, False, False, False, False]])})


def client_with(weights: Arrays, gradient: Arrays, mask: Mask, *, round: int = 1) -> Client:
    client = toy_client(weights, mask=mask)
    client.round, client.shared = round, mask
    lend(client, gradient=lambda weights, *, batches=None: gradient)
    return client


def test_the_weak_move_to_the_largest_gradients_and_the_reply_says_where_to() -> None:
    trained = row(0.1, -4, 0.2, 3, 0, 0, 0, 0)
    client = client_with(trained, row(0, 9, 0, 9, 1, -6, 2, 5), HALF)
    DisPFL(drop=0.5).after_training(client)
    payload = DisPFL().upload(client, {"w": (1, 8)})
    # What was trained goes up, and is kept, as it was trained.
    assert client.mask == HALF
    assert payload.mask is None
    np.testing.assert_array_equal(payload.arrays["w"], trained["w"])
    # 0 and 2 are the smallest; 5 and 7 have the largest gradients of what is dead.
    assert payload.next_mask is not None
    np.testing.assert_array_equal(payload.next_mask["w"], [[0, 1, 0, 1, 0, 1, 0, 1]])


def test_a_regrown_weight_starts_from_the_mean_of_those_that_held_it() -> None:
    strategy = DisPFL(drop=0.25)
    client = client_with(row(1, 2, 3, 4, 0, 0, 0, 0), row(0, 0, 0, 0, 0, 0, 0, 9), HALF)
    strategy.after_training(client)
    sent = strategy.upload(client, {"w": (1, 8)})
    other = Mask({"w": ~HALF["w"] | np.array([[False, True] * 4])})
    server = Server(row(*[100] * 8))
    server.weights = strategy.aggregate(
        server, [Update(0, 5, sent.arrays, client.mask), Update(1, 50, row(0, 4, 0, 8, 5, 6, 7, 8), other)]
    )
    # A place counts only those that trained it: 7 is the other's alone, 1 and 3 are both's.
    np.testing.assert_array_equal(server.weights["w"], [[1, 3, 3, 6, 5, 6, 7, 8]])
    # The next order comes on the mask that the reply announced: without 0, and with 7 at the other's value.
    client.shared = sent.next_mask or HALF
    strategy.receive(client, client.shared.apply(strategy.send(server, {"w": (1, 8)}, client.shared).arrays))
    np.testing.assert_array_equal(client.weights["w"], [[0, 3, 3, 6, 0, 0, 0, 8]])
    assert client.mask == client.shared


@pytest.mark.parametrize(("round", "moved"), [(1, 2), (3, 1), (5, 0), (9, 0)])
def test_fewer_move_from_round_to_round_until_none_do(round: int, moved: int) -> None:
    # Half of four at first, a quarter half-way through four rounds.
    client = client_with(row(1, 2, 3, 4, 0, 0, 0, 0), row(0, 0, 0, 0, 1, 2, 3, 4), HALF, round=round)
    for strategy, client.rounds in ((DisPFL(drop=0.5, anneal=4), 99), (DisPFL(drop=0.5), 4)):
        client.scratch.clear()
        strategy.after_training(client)
        coming = strategy.upload(client, {"w": (1, 8)}).next_mask or HALF
        assert int((coming["w"] & ~HALF["w"]).sum()) == moved
        assert coming.kept == 4


def test_a_newcomer_draws_a_mask_of_its_own_and_its_weights_outside_are_zero() -> None:
    def newcomer(id: int) -> Client:
        client = client_with({"w": np.ones((4, 5), np.float32), "b": np.ones(4, np.float32)}, {}, Mask())
        lend(client, rng=lambda purpose, *, every_round=True: generator(0, purpose, client=id))
        DisPFL(density=0.3).receive(client, {"w": np.full((4, 5), 2, np.float32)})
        assert client.mask == Mask()
        DisPFL(density=0.3).before_training(client)
        return client

    first, other = newcomer(1), newcomer(2)
    assert first.mask.kept == other.mask.kept == 6
    assert first.mask != other.mask
    np.testing.assert_array_equal(first.weights["w"], 2.0 * first.mask["w"])
    assert set(first.mask) == {"w"}


def test_a_weight_is_the_plain_mean_of_those_that_hold_it() -> None:
    updates = [
        Update(1, 10, row(1, 2, 0), Mask({"w": np.array([[True, True, False]])})),
        Update(2, 90, row(3, 0, 0), Mask({"w": np.array([[True, False, False]])})),
    ]
    np.testing.assert_array_equal(DisPFL().aggregate(Server(row(7, 7, 7)), updates)["w"], [[2, 2, 7]])


def test_every_layer_of_every_client_keeps_its_count_in_every_round(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 3, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 2, "shards_per_client": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "lr": 0.05},
        "evaluate": {"every": 0},
        "engine": {"name": "in_process"},
        "strategy": {"name": "dispfl", "density": 0.3},
    }
    (result,) = simulate.run(settings, out=tmp_path)
    made = architecture("digits_cnn", (1, 8, 8), 10, {})
    shapes = {name: made.shapes[name] for name in made.prunable}
    counts = layer_counts(shapes, 0.3, "erk")
    for record in read_lines(result.folder / "rounds.jsonl"):
        found = {name: record["density_layers"][name] * math.prod(shapes[name]) for name in shapes}
        assert found == pytest.approx(counts)
    masks = [unpack((result.folder / "final" / f"mask-{id}.safetensors").read_bytes()) for id in (0, 1)]
    for mask in masks:
        assert {name: int(kept.sum()) for name, kept in mask.items()} == counts
    assert Mask(masks[0]) != Mask(masks[1])


@pytest.mark.parametrize(
    ("field", "value"), [("density", 0.0), ("density", 1.5), ("drop", 1.1), ("anneal", 0)]
)
def test_settings_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        DisPFL(**{field: value})
