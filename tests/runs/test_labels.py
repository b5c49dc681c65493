"""No two rows of a table are called alike: what tells them apart stands behind the label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fedprune.runs import table
from fedprune.runs.labels import told_apart

from .made import make


def row(**facts: Any) -> dict[str, Any]:
    plain = {"label": "demo", "seed": 0, "run": "demo-1-s0", "folder": "runs/demo-1-s0", "code": {}}
    return {**plain, "settings": {}, **facts}


def test_rows_of_different_labels_stay_as_they_are() -> None:
    assert told_apart([row(label="a"), row(label="b")]) == ["a", "b"]


def test_a_setting_that_differs_stands_behind_the_label() -> None:
    first = row(settings={"train.lr": 0.1, "model.name": "mlp", "model.width": 1})
    second = row(settings={"train.lr": 0.5, "model.name": "cnn", "model.width": 1})
    assert told_apart([first, second]) == ["demo (lr 0.1, model mlp)", "demo (lr 0.5, model cnn)"]


def test_seeds_and_versions_of_a_strategy_tell_runs_apart() -> None:
    assert told_apart([row(seed=0), row(seed=1)]) == ["demo (seed 0)", "demo (seed 1)"]
    codes = [row(code={"strategy 'mine'": digest * 32}) for digest in ("ab", "cd")]
    assert told_apart(codes) == ["demo (strategy 'mine' abababab)", "demo (strategy 'mine' cdcdcdcd)"]


def test_where_settings_do_not_tell_the_folder_does_and_at_last_its_path() -> None:
    assert told_apart([row(), row(run="demo-2-s0")]) == ["demo (demo-1-s0)", "demo (demo-2-s0)"]
    assert told_apart([row(), row(folder="other/demo-1-s0")]) == [
        "demo (demo-1-s0) (runs/demo-1-s0)",
        "demo (demo-1-s0) (other/demo-1-s0)",
    ]


def test_copies_of_a_run_are_no_further_seeds_and_have_rows_of_their_own(tmp_path: Path) -> None:
    runs = [make(tmp_path / place, seed=seed) for place in ("here", "there") for seed in (0, 1)]
    found = table.group_seeds(table.results_table(runs))
    assert [each["seeds"] for each in found] == [[0, 1], [0, 1]]
    assert len({each["label"] for each in found}) == 2


def test_runs_of_two_versions_of_a_strategy_are_not_averaged(tmp_path: Path) -> None:
    runs = [make(tmp_path, seed=seed) for seed in (0, 1)]
    for path, digest in zip(runs, ("ab", "cd"), strict=True):
        environment = json.loads((path / "environment.json").read_text())
        plugin = {"kind": "strategies", "name": "mine", "sha256": digest * 32}
        (path / "environment.json").write_text(json.dumps({**environment, "plugins": [plugin]}))
    first, second = table.group_seeds(table.results_table(runs))
    assert first["label"] == "demo (seed 0, strategy 'mine' abababab)"
    assert second["label"] == "demo (seed 1, strategy 'mine' cdcdcdcd)"
