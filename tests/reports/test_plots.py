"""Pictures in Python are the report's: the same numbers, as Altair charts."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from fedprune.reports import costs
from fedprune.reports.costs import against
from fedprune.reports.methods import methods
from fedprune.reports.plots import PlotError, Plots
from fedprune.reports.vega import spec

from .parsed import Parsed
from .synthetic import ACCURACY, write_run

NAMES = [name for name, _ in inspect.getmembers(Plots, inspect.isfunction) if not name.startswith("_")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pytest.importorskip("altair", reason="charts need the extra fedprune[notebook]")
    out = tmp_path_factory.mktemp("runs")
    runs = [write_run(out, "a", seed=seed, kept=0.4) for seed in (0, 1, 2)]
    return [*runs, write_run(out, "alone", alone=True)]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_a_valid_chart(name: str, runs: list[Path]) -> None:
    if name in (
        "accuracy_by_multiply_adds",
        "accuracy_by_simulated_seconds",
        "accuracy_by_latency",
        "personal",
    ):
        pytest.skip("made-up runs have the same multiply-adds, no clock, no latency, nothing personalized")
    chart = getattr(Plots(runs), name)()
    # Altair checks against the schema of Vega-Lite.
    assert chart.to_dict(validate=True)["config"]


def values(part: dict[str, Any]) -> Any:
    return part["data"]["values"]


def test_a_chart_holds_the_figures_numbers_and_words(runs: list[Path]) -> None:
    found = methods(runs)
    (figure,) = against(costs.BYTES, found, ACCURACY)
    made = spec(figure, [method.label for method in found])
    assert made["title"]["text"] == figure["title"]
    assert " ".join(made["title"]["subtitle"]) == figure["alt"]
    lines = next(layer for layer in made["layer"] if "point" in layer["mark"])
    drawn = [(point["name"], point["x"], point["y"]) for point in values(lines)]
    assert drawn == [
        (found[line["method"]].label, x, y)
        for line in figure["series"]
        for x, y in zip(line["x"], line["y"], strict=True)
    ]
    stars = values(made["layer"][-1])
    assert [(star["x"], star["y"]) for star in stars] == [(end["x"], end["y"]) for end in figure["finals"]]


def test_tickets_can_be_drawn_too(report: Parsed) -> None:
    altair = pytest.importorskip("altair", reason="charts need the extra fedprune[notebook]")
    for figure in report.data["figures"]:
        altair.Chart.from_dict(spec(figure, report.data["methods"])).to_dict(validate=True)


def test_nothing_measured_is_told_in_a_line(runs: list[Path]) -> None:
    with pytest.raises(PlotError, match="nothing was measured"):
        Plots(runs[:1]).gains()
