"""The score against what it cost: where a picture says something, and what its front says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.reports import write
from fedprune.reports.level import difference, level_finding
from fedprune.reports.methods import methods, pareto

from .parsed import Parsed
from .synthetic import ACCURACY, write_run


def test_density_is_a_cost_where_methods_keep_unlike_shares(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", name, kept=kept) for name, kept in (("a", 0.5), ("b", 1.0))]
    figure = Parsed(write(runs, tmp_path / "a.html")).figures["accuracy-by-density"]
    assert [end["x"] for end in figure["finals"]] == [50, 100]
    assert figure["series"] == []
    assert "a with " in figure["alt"]
    assert "at 50.0 % of the weights" in figure["alt"]
    alike = Parsed(write(runs[:1], tmp_path / "b.html")).figures
    assert not {"accuracy-by-density", "accuracy-by-multiply-adds"} & alike.keys()


def test_equal_points_are_on_the_front_together() -> None:
    points = [("a", 1.0, 80.0), ("b", 1.0, 80.0), ("c", 2.0, 80.0)]
    assert [label for label, _, _ in pareto(points, ACCURACY)] == ["a", "b"]


def test_rounds_and_the_final_evaluation_are_told_apart(tmp_path: Path) -> None:
    report = Parsed(write([write_run(tmp_path / "runs", "a")], tmp_path / "a.html"))
    for name in ("accuracy-by-round", "global-accuracy-by-round", "accuracy-training-loss", "multiply-adds"):
        assert report.figures[name]["note"].startswith("Round curve: ")
    assert "Stars: final evaluation" in report.figures["accuracy-by-bytes"]["note"]
    assert "Lines: round curves" in report.figures["accuracy-by-bytes"]["note"]


def test_methods_that_cannot_be_told_apart_are_called_level(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, name, seed=seed) for name in ("a", "b") for seed in (0, 1, 2)]
    first, second = methods(runs)
    apart = difference(first, second)
    assert apart is not None
    assert apart.n == 3
    assert apart.level
    assert "level with it" in level_finding([first, second], ACCURACY)


def test_one_seed_says_that_it_cannot_tell(tmp_path: Path) -> None:
    found = level_finding(methods([write_run(tmp_path, name) for name in ("a", "b")]), ACCURACY)
    assert "level" not in found
    assert "one seed cannot tell" in found


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_what_plus_and_minus_is_stands_under_the_table(seeds: tuple[int, ...], tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", "a", seed=seed) for seed in seeds]
    text = write(runs, tmp_path / "a.html").read_text()
    assert "<p class='below'>±: half of the 95 % t-interval over seeds" in text
