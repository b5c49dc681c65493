"""SSFL step by step: saliencies at the initial weights, one mask of them, and FedAvg under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.aggregation import Update
from fedprune.pruning.mask import Mask
from fedprune.runs.arrays import unpack
from fedprune.runs.log import read_lines
from fedprune.strategy import Server
from fedprune.types import Arrays

from .toy import lend, row, toy_client

SSFL: Any = plugins.load("strategies", "ssfl").SSFL

SHAPES = {"w": (1, 4), "v": (1, 2), "b": (4,), "mean": (4,)}


def scores(w: list[float], v: list[float]) -> Arrays:
    return {"saliency:w": np.array([w], np.float32), "saliency:v": np.array([v], np.float32)}


def server_in(round: int) -> Server:
    weights = {"w": np.ones((1, 4), np.float32), "v": np.ones((1, 2), np.float32)}
    return Server(weights, {}, round, weights, ("w", "v"))


def test_saliencies_alone_go_up_in_the_first_phase_and_only_weights_after_it() -> None:
    strategy = SSFL(phase=2)
    travelling = strategy.travels(SHAPES, frozenset({"mean"}))
    for round in (1, 2):
        assert strategy.part(travelling, "down", round) == {}
        assert strategy.part(travelling, "up", round) == {"saliency:w": (1, 4), "saliency:v": (1, 2)}
    for way in ("down", "up"):
        assert strategy.part(travelling, way, 3) == SHAPES


def test_a_saliency_is_the_magnitude_of_gradient_times_initial_weight_and_nothing_is_trained() -> None:
    client = toy_client(row(2, -3, 0, 1))
    client.initial = row(2, -3, 0, 1)
    lend(client, gradient=lambda weights, *, batches=None: row(-1, 1, 9, 0.5))
    SSFL().train(client)
    np.testing.assert_array_equal(client.weights["w"], client.initial["w"])
    payload = SSFL().upload(client, {"saliency:w": (1, 4)})
    np.testing.assert_array_equal(payload.arrays["saliency:w"], [[2, 3, 0, 0.5]])
    assert payload.mask is None


def test_the_largest_mean_saliencies_of_all_layers_together_are_kept() -> None:
    server = server_in(round=1)
    updates = [
        Update(1, 10, scores([8, 0, 4, 1], [0, 9]), Mask()),
        Update(2, 30, scores([0, 4, 0, 1], [3, 1]), Mask()),
    ]
    weights = SSFL(density=0.5).aggregate(server, updates)
    # Means by samples: w 2, 3, 1, 1; v 2.25, 3.
    assert weights is server.weights
    np.testing.assert_array_equal(server.memory["w"], [[False, True, False, False]])
    np.testing.assert_array_equal(server.memory["v"], [[True, True]])


def test_a_longer_phase_adds_its_rounds_up() -> None:
    strategy, server = SSFL(density=0.5, phase=2), server_in(round=1)
    strategy.aggregate(server, [Update(1, 10, scores([8, 0, 4, 1], [0, 9]), Mask())])
    server.round = 2
    strategy.aggregate(server, [Update(2, 30, scores([0, 4, 0, 1], [3, 1]), Mask())])
    np.testing.assert_array_equal(server.memory["w"], [[False, True, False, False]])
    np.testing.assert_array_equal(server.memory["v"], [[True, True]])


def test_the_mask_goes_down_to_those_that_lack_it() -> None:
    server = server_in(round=1)
    assert SSFL().send(server, {}, Mask()).mask is None
    mask = Mask({"w": np.array([[True, False, True, False]]), "v": np.array([[True, False]])})
    server.round, server.memory = 2, dict(mask)
    assert SSFL().send(server, {"w": (1, 4)}, Mask()).mask == mask
    assert SSFL().send(server, {"w": (1, 4)}, mask).mask is None
    np.testing.assert_array_equal(SSFL().global_model(server)["w"], [[1, 0, 1, 0]])


def test_every_client_ends_with_the_same_mask_of_the_density(tmp_path: Path) -> None:
    settings = {
        "run": {"rounds": 3, "clients_per_round": 2},
        "partition": {"name": "shards", "clients": 3, "shards_per_client": 2, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "lr": 0.05},
        "evaluate": {"every": 0},
        "engine": {"name": "in_process"},
        "strategy": {"name": "ssfl", "density": 0.3},
    }
    (result,) = simulate.run(settings, out=tmp_path)
    scoring, *training = read_lines(result.folder / "rounds.jsonl")
    assert scoring["train_loss"] is None
    assert (scoring["density"], scoring["bytes_down_values"]) == (1.0, 0)
    assert [row["density"] for row in training] == pytest.approx([0.3] * 2, abs=1e-3)
    assert training[1]["train_loss"] < training[0]["train_loss"]
    assert result.metrics["density"] == pytest.approx(0.3, abs=1e-3)
    masks = [Mask(unpack(path.read_bytes())) for path in (result.folder / "final").glob("mask-*.safetensors")]
    assert len(masks) >= 2
    assert all(mask == masks[0] for mask in masks)


@pytest.mark.parametrize(("field", "value"), [("density", 0.0), ("density", 1.1), ("phase", 0)])
def test_settings_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        SSFL(**{field: value})
