"""What clients gain over learning alone, recomputed from the lines that the runs wrote."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from scipy import stats

from fedprune.reports import write

from .parsed import Parsed
from .synthetic import write_run

SEEDS = (0, 1, 2)


def final(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "final.jsonl").read_text().splitlines()]
    return [100 * row["test_score_personal"] for row in sorted(rows, key=lambda row: row["client"])]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    out = tmp_path_factory.mktemp("runs")
    return {
        "alone": [write_run(out, "alone", seed=seed, alone=True) for seed in SEEDS],
        "other": [write_run(out, "other", seed=seed) for seed in SEEDS],
    }


def test_clients_are_paired_and_seeds_give_the_interval(runs: dict[str, list[Path]], tmp_path: Path) -> None:
    report = Parsed(write([*runs["alone"], *runs["other"]], tmp_path / "a.html"))
    (row,) = report.figures["gains"]["rows"]
    assert report.data["methods"][row["method"]] == "other"
    apart = [
        [with_others - alone for with_others, alone in zip(final(run), final(partner), strict=True)]
        for run, partner in zip(runs["other"], runs["alone"], strict=True)
    ]
    assert row["values"] == [pytest.approx(value, rel=1e-4) for found in apart for value in found]
    means = [statistics.fmean(found) for found in apart]
    half = stats.t.ppf(0.975, 2) * stats.sem(means)
    ends = [statistics.fmean(means) + sign * half for sign in (0, -1, 1)]
    assert [row["mean"], row["low"], row["high"]] == [pytest.approx(end, rel=1e-4) for end in ends]
    better = sum(value > 0 for found in apart for value in found)
    assert f"{better} of 24 clients are better off" in report.figures["gains"]["alt"]


def test_another_partition_is_no_partner(runs: dict[str, list[Path]], tmp_path: Path) -> None:
    report = Parsed(write([runs["alone"][0], runs["other"][1]], tmp_path / "a.html"))
    assert "gains" not in report.figures
    report = Parsed(write(runs["other"], tmp_path / "b.html"))
    assert "gains" not in report.figures
