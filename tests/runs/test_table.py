"""Rows are made from run folders alone, also of runs that are not finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.runs import table
from fedprune.runs.folder import RunFolder
from fedprune.runs.metrics import METRICS

from .made import make


def test_every_column_is_a_documented_result() -> None:
    assert set(table.MEASURED) <= set(METRICS["results.json"])


def test_a_run_killed_in_its_first_round_has_a_row(tmp_path: Path) -> None:
    path = make(tmp_path, accuracy=None)
    (path / "rounds.jsonl").write_bytes(b'{"round": 1, "by')
    (row,) = table.results_table([path])
    assert row["bytes_up_total"] == 0
    assert row["density"] is None


def test_runs_that_differ_only_by_seed_share_a_row(tmp_path: Path) -> None:
    paths = [
        make(tmp_path, seed=0, label="lr 0.1, seed 0", accuracy=0.8),
        make(tmp_path, seed=0, lr=0.5, label="lr 0.5, seed 0", accuracy=0.7),
        make(tmp_path, seed=1, label="lr 0.1, seed 1", accuracy=0.9),
    ]
    first, second = table.group_seeds(table.results_table(paths))
    assert (first["label"], first["seeds"]) == ("lr 0.1", [0, 1])
    assert first["test_score_personal"] == pytest.approx(0.85)
    # Half of the interval: 12.706 standard errors.
    assert first["test_score_personal_half"] == pytest.approx(12.706205 * 0.05)
    assert first["bytes_to_target"] is None
    assert (second["label"], second["seed"]) == ("lr 0.5, seed 0", 0)


def test_a_group_swept_by_seed_alone_is_called_by_its_scenario(tmp_path: Path) -> None:
    paths = [make(tmp_path, seed=seed, label=f"seed {seed}") for seed in (0, 1)]
    assert table.group_seeds(table.results_table(paths))[0]["label"] == "demo"


def test_what_changes_no_result_makes_no_other_group_and_a_chain_of_tables_does(tmp_path: Path) -> None:
    def group(toml: str) -> str:
        folder = RunFolder.create(tmp_path, f"run-{len(list(tmp_path.iterdir()))}", toml, "0", False)
        folder.close()
        return str(table.results_table([folder.path])[0]["group"])

    plain = group('[run]\nseed = 0\n[data]\nname = "digits"\n')
    same = group('[run]\nseed = 1\nkeep_history = true\n[data]\nname = "digits"\nroot = "/data"\n[engine]\n')
    assert plain != group('[run]\nrounds = 3\n[data]\nname = "digits"\n')
    assert plain != group('[run]\n[data]\nname = "digits"\n[[update]]\nname = "clip"\n')
    assert plain == same


def test_an_unfinished_seed_is_not_averaged(tmp_path: Path) -> None:
    paths = [make(tmp_path, seed=seed, accuracy=None if seed == 2 else 0.8) for seed in (0, 1, 2)]
    grouped, alone = table.group_seeds(table.results_table(paths))
    assert grouped["seeds"] == [0, 1]
    assert (alone["seed"], alone["state"]) == (2, "running")
