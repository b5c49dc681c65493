"""The table of clients' models after the last round, from runs whose figures are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedprune.estimate import estimate
from fedprune.runs.personal_table import levels, render
from tests.reports.synthetic import write_run

SCORES = {
    ("dense", 1.0): [0.9, 0.8, 0.7],
    ("own", 0.1): [0.8, 0.8, 0.5],
    ("shared", 0.1): [0.7, 0.6, 0.6],
    ("random", 0.1): [0.2, 0.3, 0.1],
}


def personalized(run: Path, more: float = 0.0) -> Path:
    """The run, with three clients' models by SCORES, each better by ``more``."""
    rows = [row(client, kind, target, score[client] + more)
            for client in range(3) for (kind, target), score in SCORES.items()]  # fmt: skip
    (run / "personal.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    (run / "personal.json").write_text(json.dumps({"settings": {"densities": [0.1]}, "missing": []}))
    return run


def row(client: int, kind: str, target: float, score: float) -> dict[str, Any]:
    return {
        "client": client,
        "kind": kind,
        "target": target,
        "density": target,
        "multiply_adds": 2_000_000,
        "parameters": 100,
        "bytes": int(10_000 * target),
        "validation_score": None,
        "test_score": score,
        "chosen": kind == "dense",
        "bytes_down": 11_000,
        "bytes_up": 300,
    }


def test_models_are_compared_within_each_client(tmp_path: Path) -> None:
    dense, sparse = levels([personalized(write_run(tmp_path, "a"))])
    assert dense.own.score == pytest.approx(0.8)
    assert not dense.less
    assert sparse.own.score == pytest.approx(0.7)
    assert sparse.less["shared"] == estimate([0.8 - 0.7, 0.8 - 0.6, 0.5 - 0.6])
    assert sparse.less["dense"].mean == pytest.approx(-0.1)
    assert sparse.own.bytes == 1000


def test_runs_that_differ_by_seed_are_one_group(tmp_path: Path) -> None:
    runs = [
        personalized(write_run(tmp_path / str(seed), "a", seed=seed), more=seed / 10) for seed in range(2)
    ]
    _, sparse = levels(runs)
    assert sparse.own.score == pytest.approx(0.75)
    assert sparse.less["shared"].n == 6


def test_the_table_shows_each_level_and_json_every_line(tmp_path: Path) -> None:
    run = personalized(write_run(tmp_path, "a"))
    text = render([run], "markdown")
    assert "| 10.0 | 70.00 | 63.33 | 20.00 | - | +6.67 [" in text
    assert "| 100.0 | - | - | - | 80.00 | - | - | - | 2.000 | 10.0 | 11.0 |" in text
    assert len(json.loads(render([run], "json"))[str(run)]) == 12
    assert "no client of these runs" in render([write_run(tmp_path, "b")])
