"""Runs and reports from Python, as a notebook shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

import fedprune
from fedprune.simulate import Results, SweepResults
from tests.reports.synthetic import write_run

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [write_run(tmp_path / "runs", name) for name in ("a", "b")]


def test_a_report_is_written_and_shown(runs: list[Path]) -> None:
    report = fedprune.report(runs)
    assert report.path.parent.name == "reports"
    assert report.path.is_file()
    html = report._repr_html_()
    assert f"{report.path.name}</a>" in html
    assert html.count("<tr") == 3


def test_a_run_can_be_given_as_it_was_loaded(runs: list[Path], tmp_path: Path) -> None:
    run = fedprune.load(runs[0])
    assert fedprune.report(run, out=tmp_path / "one.html").folders == (runs[0],)
    assert fedprune.report(str(runs[0])).folders == (runs[0],)
    assert run.rounds.height == 6
    assert run.plot is not None


def test_results_of_a_sweep_are_one_table(runs: list[Path]) -> None:
    found = SweepResults(Results(run, {}) for run in runs)
    assert found._repr_html_().count("<tr") == 3
    assert found[0].run.path == runs[0]
    assert str(runs[0]) in found[0]._repr_html_()


def test_what_a_run_says_of_itself_is_never_markup_in_a_notebook(tmp_path: Path) -> None:
    run = fedprune.load(write_run(tmp_path, "x", label=HOSTILE))
    assert HOSTILE not in run._repr_html_()
    assert "&lt;script&gt;" in run._repr_html_()


def test_no_run_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(fedprune.UserError, match="give at least one run folder"):
        fedprune.report([])
    with pytest.raises(fedprune.UserError, match="not a run folder"):
        fedprune.load(tmp_path)
