"""The tables beside a report hold what the runs wrote, line by line."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fedprune.reports import write

from .synthetic import PARTS, write_run


def lines(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def test_tables_beside_the_report_hold_every_line(tmp_path: Path) -> None:
    beta = write_run(tmp_path, "beta", rounds=9, clients=11)
    runs = sorted(write_run(tmp_path, "alpha", seed=seed) for seed in (1, 0))
    runs += [beta, write_run(tmp_path, "gamma", rounds=5, finished=False)]
    write(runs, tmp_path / "report" / "all.html")
    beside = tmp_path / "report" / "all"
    everything = [(run, line) for run in runs for line in lines(run, "rounds.jsonl")]
    with (beside / "rounds.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(everything)
    for row, (run, line) in zip(rows, everything, strict=True):
        assert (row["run"], int(row["round"])) == (run.name, line["round"])
        assert [int(client) for client in row["clients"].split()] == line["clients"]
        assert float(row["train_loss"]) == line["train_loss"]
        assert row["test_score_after"] == (
            "" if line["test_score_after"] is None else str(line["test_score_after"])
        )
    clients = pl.read_parquet(beside / "clients.parquet")
    assert clients["bytes_up"].sum() == sum(
        line["bytes_up"] for run in runs for line in lines(run, "clients.jsonl")
    )
    for row in pl.read_parquet(beside / "traffic.parquet").iter_rows(named=True):
        log = [line for run, line in everything if run.name == row["run"]]
        for name in (f"bytes_{way}_{part}" for way in ("down", "up") for part in PARTS):
            assert row[name] == pytest.approx(statistics.fmean(line[name] for line in log))
    made = json.loads((beta / "environment.json").read_text())
    environments = pl.read_csv(beside / "environments.csv", infer_schema_length=0)
    assert environments["run"].to_list() == [run.name for run in runs]
    assert set(environments["torch"]) == {made["versions"]["torch"]}
    assert set(environments["cores"]) == {str(made["cores"])}
