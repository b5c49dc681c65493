"""Every strategy learns values and text as well as labels, or says in one line why it cannot.

One round each, on the data that ship with the package. A strategy that cannot must be refused with a
UserError when the run is opened; one that fails in the middle of a round fails here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedprune import simulate
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from fedprune.types import UserError

from .battery import STRATEGIES

RUN = {
    "run": {"name": "other", "rounds": 1, "clients_per_round": 2},
    "train": {"epochs": 1, "batch_size": 100, "lr": 0.05},
    "evaluate": {"every": 1},
    "engine": {"name": "in_process"},
}
TASKS: dict[str, dict[str, Any]] = {
    "regression": {
        "data": {"name": "diabetes"},
        "partition": {"name": "iid", "clients": 3},
        "model": {"name": "mlp"},
    },
    "next_token": {
        "data": {"name": "dialects"},
        "partition": {"name": "natural", "clients": 6},
        "model": {"name": "char_lstm", "hidden": 16, "layers": 1},
    },
}
"""Task -> the data, partition and model that it is learned with."""


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", STRATEGIES)
def test_a_strategy_learns_the_task_or_says_why_not(method: str, task: str, tmp_path: Path) -> None:
    scenario = Scenario.from_dict({**RUN, **TASKS[task], "strategy": {"name": method}})
    try:
        (result,) = simulate.run(scenario, out=tmp_path)
    except UserError as error:
        refusal = str(error)
    else:
        check(result)
        return
    assert "\n" not in refusal
    assert not (tmp_path / scenario.run_id()).exists()
    pytest.skip(refusal)


def check(result: simulate.Results) -> None:
    """Nobody failed, and the worst clients are on the worse side of the mean."""
    (round,) = read_lines(result.folder / "rounds.jsonl")
    assert round["failed"] == []
    assert round["score"] == result.metrics["score"]
    mean, worst = (result.metrics[f"test_score_personal{of}"] for of in ("", "_worst10"))
    if result.metrics["score_better"] == "lower":
        assert 0 < mean <= worst
    else:
        assert 0 <= worst <= mean <= 1
