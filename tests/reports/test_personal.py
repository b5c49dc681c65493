"""Clients' models after the last round in the report."""

from __future__ import annotations

from pathlib import Path

import fedprune
from fedprune.reports import personal
from fedprune.reports.methods import methods
from tests.reports.synthetic import write_run
from tests.runs.test_personal_table import personalized


def test_methods_are_side_by_side_by_the_bytes_of_their_own_models(tmp_path: Path) -> None:
    runs = [personalized(write_run(tmp_path, "a")), write_run(tmp_path, "b")]
    found = methods(runs)
    together, alone = personal.by_size(found, found[0].score)
    (line,) = together["series"]
    assert line["x"] == [10.0, 1.0]
    assert [round(value, 1) for value in line["y"]] == [80.0, 70.0]
    assert "Best is" in together["alt"]
    assert [line["name"] for line in alone["series"]] == ["own", "shared", "random"]
    assert alone["marks"] == [{"y": 80.0, "label": "dense, trained as long"}]
    assert "+6.67 (level)" in alone["alt"]


def test_a_report_of_them_has_the_table_the_pictures_and_their_files(tmp_path: Path) -> None:
    report = fedprune.report(personalized(write_run(tmp_path, "a")), out=tmp_path / "report.html")
    html = report.path.read_text("utf-8")
    assert personal.HEADING in html
    assert "What clients made of their models after the last round" in html
    assert (tmp_path / "report" / "accuracy-by-model-bytes.svg").is_file()
    assert report.plot.personal() is not None


def test_runs_without_them_have_no_such_part(tmp_path: Path) -> None:
    found = methods([write_run(tmp_path, "a")])
    assert personal.table(found) is None
    assert personal.by_size(found, found[0].score) == []
