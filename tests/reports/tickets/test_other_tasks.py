"""Studies of runs whose score is an error, or whose samples have no classes, and their part of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.cli import main
from fedprune.reports import write
from fedprune.scenario import Scenario
from fedprune.tickets.finished import FinishedRun
from tests.tickets.conftest import PRUNING

from ..parsed import Parsed
from ..studied import figure, result

TASKS: dict[str, dict[str, Any]] = {
    "regression": {
        "data": {"name": "diabetes"},
        "partition": {"name": "iid", "clients": 4},
        "model": {"name": "mlp"},
    },
    "next_token": {
        "data": {"name": "dialects"},
        "partition": {"name": "natural", "clients": 4},
        "model": {"name": "char_lstm", "hidden": 8, "layers": 1},
    },
}
LABELLED = {"clusters", "leak"}
"""Studies that are about labels alone."""


@pytest.fixture(scope="module", params=TASKS)
def studied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of a task, named after it, with the results of all studies."""
    scenario = Scenario.from_dict(
        {
            "run": {"name": request.param, "rounds": 2, "clients_per_round": 4, "checkpoint_every": 1},
            "train": {"epochs": 1, "batch_size": 20, "lr": 0.05},
            "engine": {"name": "in_process"},
            "strategy": PRUNING,
            **TASKS[request.param],
        }
    )
    (run,) = simulate.run(scenario, out=tmp_path_factory.mktemp("runs"))
    assert main(["tickets", str(run.folder), "--clients", "3", "--seeds", "2", "--epochs", "1"]) == 0
    return run.folder


def test_all_but_studies_of_labels_have_a_result(studied: Path) -> None:
    records = {
        name: json.loads((studied / "tickets" / f"{name}.json").read_text())
        for name in plugins.names("studies")
    }
    skipped = {name: record["skipped"] for name, record in records.items() if "skipped" in record}
    assert skipped.keys() == LABELLED
    assert set(skipped.values()) == {"samples of this run have no classes, so that clients have no labels"}
    assert records["overlap"]["result"]["layers"]["all layers"]["labels"]["rho"] is None
    assert records["transfer"]["result"]["labels"] is None


def test_tables_are_headed_by_the_score(studied: Path) -> None:
    score = FinishedRun.open(studied).score
    report = Parsed(write([studied], studied.parent / "tables.html"))
    for name in ("retrain-0", "transfer-0", "mask_swap-0"):
        heads = [cell[0] for cell in report.tables[f"tickets-0-{name}"][0]]
        assert score.title in heads
        assert "accuracy %" not in heads
    own, *_ = report.column("tickets-0-retrain-0", score.title)
    (first, *_) = result(studied, "retrain")["conditions"].values()
    assert float(str(own[0])) == pytest.approx(score.factor * first["score"], abs=0.5 * 10**-score.digits)
    told = "lower is better: below zero the own mask is better" in report.text
    assert told == (not score.higher_is_better)


def test_pictures_have_the_scores_axes_and_say_which_side_is_better(studied: Path) -> None:
    score = FinishedRun.open(studied).score
    report = Parsed(write([studied], studied.parent / "pictures.html"))
    apart = figure(report, "retrain-differences")
    assert apart["x"]["label"] == f"difference of {score.name}"
    assert ("Right of zero" if score.higher_is_better else "Left of zero") in apart["note"]
    assert figure(report, "transfer-matrix")["unit"] == score.shown_unit
    (scores,) = (figure for key, figure in report.figures.items() if key.startswith("tickets-0-mask_swap"))
    assert scores["x"]["unit"] == score.shown_unit
    best = score.best([row["mean"] for row in scores["rows"]])
    assert scores["x"]["min"] <= best <= scores["x"]["max"]
    (pairs,) = figure(report, "overlap-agreement")["series"]
    assert pairs["name"] == "all pairs"


def test_the_error_along_a_line_is_the_score_or_what_it_lacks_to_one(studied: Path) -> None:
    score = FinishedRun.open(studied).score
    errors = np.array([line["error"] for line in result(studied, "connectivity")["lines"].values()])
    drawn = figure(Parsed(write([studied], studied.parent / "lines.html")), "connectivity-error")
    assert drawn["y"]["label"] == ("error" if score.percent else score.name)
    assert np.ravel([line["y"] for line in drawn["series"]]) == pytest.approx(
        score.factor * errors.ravel(), rel=1e-4
    )
    # An error of this task's targets is far from a share.
    assert (errors.min() > 1) == (not score.higher_is_better)


def test_clients_and_the_partition_are_drawn_as_what_they_are(studied: Path) -> None:
    score = FinishedRun.open(studied).score
    report = Parsed(write([studied], studied.parent / "clients.html"))
    clients = next(figure for key, figure in report.figures.items() if key.startswith("clients"))
    if not score.percent:
        values = [value for row in clients["rows"] for value in row["values"]]
        low, high = clients["x"]["min"], clients["x"]["max"]
        assert low < min(values) <= max(values) < high < 2 * max(values)
    assert "accuracy %" not in report.text.replace("token accuracy %", "")
    grid = report.figures["partition-0"]
    assert (grid["y"]["label"], len(grid["rows"])) in {("tenth of the targets", 10), ("", 1)}
    held = json.loads((studied / "partition.json").read_text())["clients"]
    assert sum(count for *_, count in grid["cells"]) == sum(client["train"] for client in held)
