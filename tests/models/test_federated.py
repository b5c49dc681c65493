"""Models of token ids in a federation, from training through masks and messages to the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fedprune
from fedprune.models import ModelError
from fedprune.scenario import Scenario

MODELS: dict[str, dict[str, Any]] = {
    "char_lstm": {"name": "char_lstm", "hidden": 16, "layers": 1},
    "transformer": {"name": "transformer", "stream": 8, "heads": 2, "hidden": 16, "layers": 1},
    "tied": {"name": "transformer", "stream": 8, "heads": 2, "hidden": 16, "layers": 1, "tied": True},
    "small dense": {"name": "transformer", "stream": 8, "heads": 2, "hidden": 16, "width": 0.5},
}
CHANNELS = {"name": "iterative_pruning", "granularity": "channel", "target": 0.5, "first_round": 1}


def scenario(model: str, **strategy: Any) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"name": "tokens", "rounds": 2, "clients_per_round": 2},
            "data": {"name": "dialects"},
            "partition": {"name": "iid", "clients": 20},
            "model": MODELS[model],
            "train": {"epochs": 1, "batch_size": 10, "lr": 0.1},
            "engine": {"name": "in_process"},
            "strategy": strategy,
        }
    )


@pytest.mark.parametrize(
    ("model", "strategy"),
    [
        ("char_lstm", {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0}),
        ("transformer", {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0}),
        ("transformer", CHANNELS),
        ("tied", {"name": "ssfl"}),
        ("small dense", {"name": "fedavg"}),
    ],
)
def test_a_model_of_tokens_is_trained_and_pruned(
    model: str, strategy: dict[str, Any], tmp_path: Path
) -> None:
    fedprune.run(scenario(model, **strategy), out=tmp_path)
    assert list(tmp_path.glob("*/results.json"))


@pytest.mark.parametrize("variant", ["structured", "hybrid"])
def test_a_method_that_removes_filters_refuses_a_model_without_any(variant: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'transformer' has no convolution whose channels can be removed"):
        fedprune.run(scenario("transformer", name="sub_fedavg", variant=variant), out=tmp_path)
