"""Tables are made from run folders alone, also of runs that are not finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedprune.runs import table
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import JsonLines
from fedprune.runs.metrics import METRICS
from fedprune.runs.task import write_task
from fedprune.score import Score


def make(out: Path, *, seed: int = 0, lr: float = 0.1, label: str = "", accuracy: float | None = 0.8) -> Path:
    toml = f'[run]\nname = "demo"\nlabel = "{label}"\nrounds = 4\nseed = {seed}\n[train]\nlr = {lr}\n'
    with RunFolder.create(out, f"demo-{lr}-s{seed}", toml, "0", False, label=label or "demo") as folder:
        with JsonLines(folder.rounds) as log:
            for round in (1, 2):
                log.append(
                    {
                        "round": round,
                        "bytes_up": 10**6,
                        "bytes_down": 3 * 10**6,
                        "seconds": 0.5,
                        "density": 1 / round,
                    }
                )
        folder.write_status("running", 2)
        write_task(folder.path, "classification", Score("accuracy", percent=True), 0.1)
        if accuracy is not None:
            folder.write_results(
                {
                    "label": label or "demo",
                    **dict.fromkeys(table.MEASURED, accuracy),
                    "bytes_up_total": 4_000_000 * (seed + 1),
                    "bytes_to_target": 7_500_000 if seed == 0 else None,
                }
            )
            folder.write_status("complete", 4)
        return folder.path


def lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_every_column_is_a_documented_result() -> None:
    assert set(table.MEASURED) <= set(METRICS["results.json"])


def test_a_complete_run_is_one_row_in_human_units(tmp_path: Path) -> None:
    header, _, row = lines(table.render([make(tmp_path)]))
    cells = dict(zip(header, row, strict=True))
    assert cells["run"] == "demo"
    assert cells["accuracy %"] == "80.00"
    assert cells["MB up"] == "4.00"
    assert cells["MB to target"] == "7.50"
    assert cells["rounds"] == "4"
    assert "status" not in cells
    assert "seeds" not in cells


def test_an_unfinished_run_says_how_far_it_is_and_what_it_cost(tmp_path: Path) -> None:
    paths = [make(tmp_path), make(tmp_path, lr=0.5, label="lr 0.5", accuracy=None)]
    header, _, _, row = lines(table.render(paths))
    cells = dict(zip(header, row, strict=True))
    assert cells["run"] == "lr 0.5"
    assert cells["accuracy %"] == "-"
    assert (cells["MB up"], cells["MB down"], cells["seconds"], cells["density %"]) == (
        "2.00",
        "6.00",
        "1.0",
        "50.0",
    )
    assert cells["status"] == "running at 2/4"


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
    assert first["test_score_personal_spread"] == pytest.approx(0.1 / 2**0.5)
    assert first["bytes_to_target"] is None
    assert (second["label"], second["seed"]) == ("lr 0.5, seed 0", 0)
    assert "85.00 ± 7.07" in table.render(paths)


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


def test_json_has_every_run_in_raw_units(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = json.loads(table.render([make(tmp_path, seed=1)], form="json"))
    assert found[0]["run"] == "demo-0.1-s1"
    assert found[0]["bytes_up_total"] == 8_000_000


def test_markdown_has_the_same_cells_and_escapes_bars(tmp_path: Path) -> None:
    paths = [make(tmp_path, label="a|b")]
    header, rule, line = table.render(paths, form="markdown").splitlines()
    assert header.startswith("| run | accuracy % |")
    assert rule.startswith("| --- | ---: |")
    assert line.startswith("| a\\|b | 80.00 |")


def test_a_control_code_in_a_label_is_shown_and_not_carried_out(tmp_path: Path) -> None:
    results = make(tmp_path) / "results.json"
    results.write_text(json.dumps({**json.loads(results.read_text()), "label": "\x1b[31mred"}))
    text = table.render([results.parent])
    assert "\x1b" not in text
    assert r"\x1b[31mred" in text


def test_no_runs_make_an_empty_table() -> None:
    assert table.render([]).splitlines()[0] == "run"


def test_what_is_no_run_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        table.render([tmp_path])
    path = make(tmp_path)
    (path / "scenario.toml").write_text("[run")
    with pytest.raises(RunError, match=r"scenario\.toml.*damaged"):
        table.render([path])
