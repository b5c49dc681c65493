"""The report's section on tickets: its tables, its files, and what is not as it should be."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fedprune.reports import write
from fedprune.reports.tickets import PICTURES
from fedprune.runs.files import RunError
from fedprune.tickets import lab
from fedprune.types import printable

from .parsed import Parsed
from .studied import changed, copied, figure, result
from .synthetic import ACCURACY, write_run

HOSTILE = "</script><b onload='x'>\"&amp; ' \u2028"


def test_the_tables_are_those_that_the_command_prints(report: Parsed, studied: Path) -> None:
    for name in set(PICTURES) - {"leak"}:
        for place, printed in enumerate(lab.study(name).tables(result(studied, name), ACCURACY)):
            header, *rows = report.tables[f"tickets-0-{name}-{place}"]
            assert [cell[0] for cell in header] == list(printed.header)
            assert [[cell[0] for cell in row] for row in rows] == [list(line) for line in printed.lines]
            assert all(note in report.text.replace("&#x27;", "'") for note in printed.notes)


def test_cells_sort_by_the_number_that_they_begin_with(report: Parsed, studied: Path) -> None:
    differences = result(studied, "retrain")["differences"].values()
    lows = [float(str(cell[2])) for cell in report.column("tickets-0-retrain-1", "95 % interval")]
    assert lows == [pytest.approx(100 * found["low"], abs=0.005) for found in differences]
    spans = [float(str(cell[2])) for cell in report.column("tickets-0-early_bird-1", "rounds")]
    assert spans == [row["from"] for row in result(studied, "early_bird")["masks"]]
    assert report.column("tickets-0-clusters-0", "clusters")[-1] == ["best", "", "best"]


def test_a_skipped_study_says_why(report: Parsed, studied: Path) -> None:
    reason = json.loads((studied / "tickets" / "leak.json").read_text())["skipped"]
    assert f"Skipped: {reason}." in report.text


def test_several_runs_have_a_part_each(studied: Path, tmp_path: Path) -> None:
    other = shutil.copytree(studied, tmp_path / "other-s1")
    plain = write_run(tmp_path, "plain")
    report = Parsed(write([studied, plain, other], tmp_path / "a.html"))
    assert [tag for tag, _ in report.tags].count("section") == 2
    assert report.figures["tickets-1-retrain-accuracy"] == {
        **figure(report, "retrain-accuracy"),
        "id": "tickets-1-retrain-accuracy",
    }
    table = pl.read_parquet(tmp_path / "a" / "tickets_retrain_2.parquet")
    assert table["run"].unique(maintain_order=True).to_list() == [studied.name, "other-s1"]


def test_files_beside_the_report_hold_the_same_rows(report: Parsed, studied: Path, tmp_path: Path) -> None:
    beside = write([studied], tmp_path / "a.html").with_suffix("")
    for name in set(PICTURES) - {"leak"}:
        tables = [key for key in report.tables if key.startswith(f"tickets-0-{name}-")]
        for place, key in enumerate(tables):
            path = beside / (f"tickets_{name}" + (f"_{place + 1}" if place else ""))
            with path.with_name(f"{path.name}.csv").open() as file:
                rows = [list(row.values())[3:] for row in csv.DictReader(file)]
            assert pl.read_parquet(path.with_name(f"{path.name}.parquet")).height == len(rows)
            for row, cells in zip(rows, report.tables[key][1:], strict=True):
                for text, (shown, _, _) in zip(row, cells, strict=True):
                    same = float(text) == float(str(shown)) if _number(text) else text == shown
                    assert same or (text, shown) in (("", "-"), ("", ""))
    assert {path.stem for path in beside.glob("tickets-*.svg")} == {
        key for key in report.figures if key.startswith("tickets")
    }
    for picture in beside.glob("tickets-*.svg"):
        ET.parse(picture)


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_studies_that_are_not_finished_are_left_out(studied: Path, tmp_path: Path) -> None:
    run = copied(studied, tmp_path)
    for path in (run / "tickets").glob("*.json"):
        if path.stem != "overlap":
            path.rename(path.with_name(f"{path.stem}.units.jsonl"))
    report = Parsed(write([run], tmp_path / "a.html"))
    assert {key for key in report.figures if key.startswith("tickets")} == {"tickets-0-overlap-agreement"}
    (run / "tickets" / "overlap.json").unlink()
    assert "id='part-tickets'" not in write([run], tmp_path / "b.html").read_text()


@pytest.mark.parametrize(("key", "value"), [("layout", 0), ("settings", "0"), ("round", 3)])
def test_a_result_of_an_earlier_state_is_left_out_with_a_note(
    key: str, value: object, studied: Path, tmp_path: Path
) -> None:
    run = copied(studied, tmp_path)
    changed(run, "transfer", lambda record: record["of"].update({key: value}))
    report = Parsed(write([run], tmp_path / "a.html"))
    assert f"To measure it anew: fedprune tickets {run.name}" in report.text
    assert "tickets-0-transfer-0" not in report.tables
    assert "tickets-0-mask_swap-0" in report.tables


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"result": 1}', '{"result": {}}', '{"result": {"conditions": {"a": NaN}}}'],
)
def test_a_damaged_result_is_named(content: str, studied: Path, tmp_path: Path) -> None:
    run = copied(studied, tmp_path)
    path = run / "tickets" / "retrain.json"
    path.write_text(content)
    with pytest.raises(RunError) as caught:
        write([run], tmp_path / "a.html")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_results_of_before_clients_were_kept_show_what_they_hold(studied: Path, tmp_path: Path) -> None:
    run = copied(studied, tmp_path)
    for name in ("retrain", "transfer", "mask_swap"):
        changed(run, name, lambda record: record["result"].pop("by_client"))
    report = Parsed(write([run], tmp_path / "a.html"))
    assert all(row["values"] == [] for row in figure(report, "retrain-accuracy")["rows"])
    assert all(row["low"] is not None for row in figure(report, "retrain-differences")["rows"])
    assert figure(report, "transfer-matrix")["y"] == {
        **figure(report, "transfer-matrix")["y"],
        "names": figure(report, "transfer-matrix")["x"]["names"],
    }


def test_what_a_result_says_of_itself_is_never_markup(report: Parsed, studied: Path, tmp_path: Path) -> None:
    run = copied(studied, tmp_path)

    def poison(record: dict[str, Any]) -> None:
        layers = record["result"]["layers"]
        record["result"]["layers"] = {HOSTILE if key != "all layers" else key: layers[key] for key in layers}

    changed(run, "overlap", poison)
    changed(run, "leak", lambda record: record.update(skipped=HOSTILE))
    hostile = Parsed(write([run], tmp_path / "a.html"))
    assert {tag for tag, _ in hostile.tags} == {tag for tag, _ in report.tags}
    assert not [found for _, found in hostile.tags if "onload" in found]
    assert hostile.tables["tickets-0-overlap-0"][1][0][0] == printable(HOSTILE)


def test_many_clients_are_thinned_in_the_picture(studied: Path, tmp_path: Path) -> None:
    run, count = copied(studied, tmp_path), 300
    manifest = json.loads((run / "partition.json").read_text())
    manifest["clients"] = [manifest["clients"][client % 6] for client in range(count)]
    (run / "partition.json").write_text(json.dumps(manifest))
    matrix = np.eye(count).tolist()
    changed(run, "overlap", lambda record: record["result"].update(clients=[*range(count)], agreement=matrix))
    changed(run, "clusters", lambda record: record["result"].update(
        clients=[*range(count)], order=[*reversed(range(count))]))  # fmt: skip
    drawn = figure(Parsed(write([run], tmp_path / "a.html")), "clusters-matrix")
    names = [int(name) for name in drawn["x"]["names"]]
    assert len(names) == len(drawn["values"]) == 120
    assert names == sorted(names, reverse=True)
    assert "120 of 300 clients" in drawn["note"]


def test_a_report_without_tickets_loads_no_torch(tmp_path: Path) -> None:
    run = write_run(tmp_path, "plain")
    code = f"""
import sys, pathlib
from fedprune.reports import write
write([pathlib.Path({str(run)!r})], pathlib.Path({str(tmp_path / "a.html")!r}))
assert not {{"torch", "flwr", "scipy"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
