"""``fedprune.load`` gives what the files of a run folder say, value by value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fedprune
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.runs.frames import load
from fedprune.runs.log import JsonLines
from fedprune.runs.metrics import METRICS

ROUND: dict[str, Any] = {
    **dict.fromkeys(METRICS["rounds.jsonl"], None),
    "clients": [0, 2],
    "failed": [{"client": 2, "reason": "late"}],
    "density_layers": {"b.weight": 0.5, "a.weight": 1 / 3},
    "density": 0.1 + 0.2,
    "bytes_up": 2**40 + 1,
    "bytes_down": 7,
}
CLIENT = {**dict.fromkeys(METRICS["clients.jsonl"], None), "client": 2, "samples": 5, "train_loss": 1e-300}
FINAL = {
    **dict.fromkeys(METRICS["final.jsonl"], None),
    "client": 1,
    "test_score_personal": 2 / 3,
    "density_layers": {"b.weight": 0.5},
}
MASK = {"b.weight": np.array([[True, False], [False, True]])}
WEIGHTS = {"b.weight": np.arange(4, dtype=np.float32).reshape(2, 2)}


def make(out: Path, *, rounds: int = 3, finished: bool = True) -> Path:
    with RunFolder.create(out, "demo", '[run]\nname = "demo"\n', "0", False) as folder:
        with JsonLines(folder.rounds) as by_round, JsonLines(folder.clients) as by_client:
            for round in range(1, rounds + 1):
                by_round.append({**ROUND, "round": round})
                by_client.append({**CLIENT, "round": round})
        folder.write_status("complete" if finished else "running", rounds)
        if finished:
            folder.write_final_clients([FINAL])
            folder.write_final("weights", WEIGHTS)
            folder.write_final("mask-2", MASK)
            folder.write_results({"label": "demo", "density": 0.3, "bytes_up_total": 9})
        return folder.path


def test_tables_hold_the_very_values_of_the_lines(tmp_path: Path) -> None:
    run = fedprune.load(make(tmp_path))
    flat = {name: value for name, value in ROUND.items() if name not in ("failed", "density_layers")}
    assert run.rounds.to_dicts() == [{**flat, "round": round} for round in (1, 2, 3)]
    assert run.clients.to_dicts() == [{**CLIENT, "round": round} for round in (1, 2, 3)]
    assert run.layers.rows()[:2] == [(1, "b.weight", 0.5), (1, "a.weight", 1 / 3)]
    assert run.failures.rows() == [(round, 2, "late", None) for round in (1, 2, 3)]
    (final,) = run.final.to_dicts()
    assert final == {name: value for name, value in FINAL.items() if name != "density_layers"}
    (result,) = run.results.to_dicts()
    assert (result["label"], result["density"], result["bytes_up_total"]) == ("demo", 0.3, 9)
    assert result["bytes_to_target"] is None


def test_masks_and_weights_are_the_arrays_that_were_kept(tmp_path: Path) -> None:
    run = load(make(tmp_path))
    np.testing.assert_array_equal(run.masks(2)["b.weight"], MASK["b.weight"])
    np.testing.assert_array_equal(run.weights()["b.weight"], WEIGHTS["b.weight"])
    assert run.masks(0) == {}


@pytest.mark.parametrize("rounds", [0, 2])
def test_an_unfinished_run_has_tables_of_what_it_has(tmp_path: Path, rounds: int) -> None:
    run = fedprune.load(make(tmp_path, rounds=rounds, finished=False))
    assert (run.rounds.height, run.clients.height, run.layers.height) == (rounds, rounds, 2 * rounds)
    assert run.final.is_empty()
    assert run.results.is_empty()
    assert run.partition == {}
    assert run.rounds.schema["bytes_up"] == pl.Int64
    for read in (run.weights, lambda: run.masks(0)):
        with pytest.raises(RunError, match=r"not (finished|complete)"):
            read()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = make(tmp_path)
    with (path / "clients.jsonl").open("a") as file:
        file.write('{"round": 4, "cli')
    assert fedprune.load(path).clients.height == 3


def test_a_damaged_line_is_told_by_its_number(tmp_path: Path) -> None:
    path = make(tmp_path)
    lines = (path / "clients.jsonl").read_text().splitlines()
    (path / "clients.jsonl").write_text("\n".join([lines[0], "{oops", lines[2]]) + "\n")
    with pytest.raises(RunError, match=r"clients\.jsonl, line 2: not a JSON object"):
        _ = fedprune.load(path).clients


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        fedprune.load(tmp_path)


def test_numbers_survive_polars_parser_to_the_bit(tmp_path: Path) -> None:
    path = make(tmp_path, rounds=0)
    values = [float(value) for value in np.random.Generator(np.random.PCG64(0)).random(2000)]
    text = "".join(json.dumps({"round": 1, "client": 0, "train_loss": value}) + "\n" for value in values)
    (path / "clients.jsonl").write_text(text)
    assert fedprune.load(path).clients["train_loss"].to_list() == values
