"""The report's section on tickets: every number recomputed from the studies' results, some from the masks."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

import fedprune
from fedprune.report import write
from fedprune.report.tickets import PICTURES
from fedprune.runs.files import RunError
from fedprune.seeds import generator
from fedprune.tickets import lab
from fedprune.tickets.studies.leak import probe

from .parsed import Parsed
from .synthetic import write_run

HOSTILE = "</script><b onload='x'>\"&amp; ' \u2028"
PLANTED_CLIENTS = 30


@pytest.fixture(scope="module")
def report(studied: Path, tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    return Parsed(write([studied], tmp_path_factory.mktemp("report") / "all.html"))


def copied(studied: Path, out: Path) -> Path:
    return Path(shutil.copytree(studied, out / studied.name))


def changed(run: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes what is stored of a study."""
    path = run / "tickets" / f"{name}.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def result(run: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((run / "tickets" / f"{name}.json").read_text())["result"])


def figure(report: Parsed, name: str) -> dict[str, Any]:
    return dict(report.figures[f"tickets-0-{name}"])


def close(values: Any) -> Any:
    """Drawn numbers have six digits."""
    return pytest.approx(values, rel=1e-5, abs=1e-9)


def interval(values: list[float]) -> tuple[float, float]:
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def labels(run: Path, clients: list[int]) -> list[dict[str, int]]:
    held = json.loads((run / "partition.json").read_text())["clients"]
    return [held[client]["labels"] for client in clients]


def shared(first: dict[str, int], second: dict[str, int]) -> float:
    """The sum over labels of the smaller share."""
    sizes = sum(first.values()), sum(second.values())
    return sum(min(count / sizes[0], second.get(label, 0) / sizes[1]) for label, count in first.items())


def test_the_tables_are_those_that_the_command_prints(report: Parsed, studied: Path) -> None:
    for name in set(PICTURES) - {"leak"}:
        for place, printed in enumerate(lab.study(name).tables(result(studied, name))):
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


def test_overlap_of_the_table_is_that_of_the_masks(report: Parsed, studied: Path) -> None:
    run, clients = fedprune.load(studied), result(studied, "overlap")["clients"]
    masks = [np.concatenate([bits.ravel() for bits in run.masks(client).values()]) for client in clients]
    pairs = list(combinations(masks, 2))
    row = next(row for row in report.tables["tickets-0-overlap-0"] if row[0][0] == "all layers")
    shown = dict(zip([cell[0] for cell in report.tables["tickets-0-overlap-0"][0]], row, strict=True))
    jaccard = float(np.mean([(a & b).sum() / (a | b).sum() for a, b in pairs]))
    assert shown["Jaccard"][0] == f"{jaccard:.3f}"
    assert shown["Hamming"][0] == f"{np.mean([(a != b).mean() for a, b in pairs]):.3f}"
    assert shown["density"][0] == f"{np.mean(masks):.3f}"


def test_the_matrix_is_the_agreement_of_the_masks_in_leaf_order(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "clusters"), figure(report, "clusters-matrix")
    order = [found["clients"][leaf] for leaf in found["order"]]
    assert drawn["x"]["names"] == drawn["y"]["names"] == [str(client) for client in order]
    run = fedprune.load(studied)
    for row, column in combinations(range(len(order)), 2):
        overlap = spread = 0.0
        for name, first in run.masks(order[row]).items():
            a, b = first.ravel(), run.masks(order[column])[name].ravel()
            overlap += len(a) * float(np.cov(a, b, bias=True)[0, 1])
            spread += len(a) * float(a.std() * b.std())
        assert drawn["values"][row][column] == pytest.approx(overlap / spread, abs=2e-3)
        assert drawn["values"][column][row] == drawn["values"][row][column]
    assert all(line[place] is None for place, line in enumerate(drawn["values"]))
    strip = dict(zip(drawn["strip"]["names"], drawn["strip"]["values"], strict=True))
    for place, held in enumerate(labels(studied, order)):
        assert {label: counts[place] for label, counts in strip.items() if counts[place]} == held


def test_pairs_are_counted_by_agreement_and_shared_labels(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "overlap"), figure(report, "overlap-agreement")
    held = labels(studied, found["clients"])
    groups: dict[str, list[float]] = {}
    for one, two in combinations(range(len(held)), 2):
        part = shared(held[one], held[two])
        name = ("none" if part < 1e-9 else "less than 1/3" if part < 1 / 3
                else "1/3 to 2/3" if part <= 2 / 3 + 1e-9 else "more than 2/3")  # fmt: skip
        groups.setdefault(name, []).append(found["agreement"][one][two])
    assert {series["name"] for series in drawn["series"]} == {
        f"labels shared: {name} ({len(values)} pairs)" for name, values in groups.items()
    }
    for series in drawn["series"]:
        values = next(v for name, v in groups.items() if f": {name} (" in series["name"])
        assert f"{np.mean(values):.3f} where" in drawn["alt"]
        half = (series["x"][1] - series["x"][0]) / 2
        edges = [series["x"][0] - half, *(x + half for x in series["x"])]
        edges[0], edges[-1] = edges[0] - 1e-4, edges[-1] + 1e-4
        counts = np.histogram(values, edges)[0]
        assert series["y"] == close((100 * counts / len(values)).tolist())
    whole = found["layers"]["all layers"]
    assert [mark["x"] for mark in drawn["marks"]] == close(
        [0, whole["agreement_initial"], whole["agreement_server"]]
    )


def test_the_rand_index_stands_beside_its_shuffles(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "clusters"), figure(report, "clusters-rand")
    (series,) = drawn["series"]
    assert series["x"] == [cut["clusters"] for cut in found["cuts"]]
    assert series["y"] == close([cut["ari"] for cut in found["cuts"]])
    assert [mark["y"] for mark in drawn["marks"]] == close([found["best_by_chance"]])
    for text in (f"{found['best']:.3f}", f"{found['best_by_chance']:.3f}", f"p = {found['p']:.2g}"):
        assert text in drawn["alt"]


def test_retraining_shows_each_clients_mean_and_the_intervals(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "retrain"), figure(report, "retrain-accuracy")
    assert [row["name"] for row in drawn["rows"]] == list(found["conditions"])
    for row in drawn["rows"]:
        values = [100 * value for value in found["by_client"][row["name"]]]
        assert row["values"] == close(values)
        assert row["mean"] == close(100 * found["conditions"][row["name"]]["accuracy"])
        assert row["mean"] == pytest.approx(np.mean(values), abs=1e-3)
        assert (row["low"], row["high"]) == close(interval(values))
        assert row["clients"] == found["clients"]
        assert row["control"] == (not row["name"].startswith("own"))
    for row in figure(report, "retrain-differences")["rows"]:
        name = row["name"].removeprefix("less ")
        ours, theirs = (found["by_client"][key] for key in ("own mask, original weights", name))
        apart = [100 * (a - b) for a, b in zip(ours, theirs, strict=True)]
        assert row["values"] == pytest.approx(apart, abs=1e-3)
        assert row["mean"] == close(100 * found["differences"][name]["mean"])
        assert (row["low"], row["high"]) == pytest.approx(interval(apart), abs=1e-3)


def test_exchanged_masks_show_the_matrix_and_the_controls(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "transfer"), figure(report, "transfer-matrix")
    names = drawn["x"]["names"]
    places = [found["clients"].index(int(name)) for name in names]
    leaves = result(studied, "clusters")
    leaf = {leaves["clients"][at]: place for place, at in enumerate(leaves["order"])}
    assert [int(name) for name in names] == sorted(found["clients"], key=leaf.__getitem__)
    assert drawn["y"]["names"] == [*names, "random masks", "no mask"]
    expected = [[100 * found["matrix"][row][column] for column in places] for row in places]
    expected += [[100 * found["by_client"][name][column] for column in places] for name in found["by_client"]]
    assert drawn["values"] == [pytest.approx(row, rel=5e-3) for row in expected]
    for name, rows in (("transfer", "differences"), ("mask_swap", "accuracy")):
        found = result(studied, name)
        own = np.diag(found["matrix"])
        others = (np.sum(found["matrix"], 0) - own) / (len(own) - 1)
        measured = {"own mask": own, "others' masks": others, **found["by_client"]}
        for row in figure(report, f"{name}-{rows}")["rows"]:
            key = row["name"].removeprefix("less ")
            values = 100 * (own - measured[key] if rows == "differences" else np.array(measured[key]))
            assert row["values"] == pytest.approx(values.tolist(), abs=1e-3)
            assert row["mean"] == pytest.approx(values.mean(), abs=1e-3)
            assert (row["low"], row["high"]) == pytest.approx(interval(values.tolist()), abs=2e-3)


def test_errors_along_lines_are_means_over_their_walks(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "connectivity"), figure(report, "connectivity-error")
    assert len(drawn["series"]) == len(found["lines"]) == 6
    for name, series in zip(found["lines"], drawn["series"], strict=True):
        kind, way = name.split(", ")
        walks = [walk[way]["error"] for unit, walk in found["walks"].items() if unit.startswith(kind)]
        assert series["y"] == close((100 * np.mean(walks, 0)).tolist())
        assert series["x"] == close(np.linspace(0, 1, len(series["y"])).tolist())


def test_masks_on_their_way_stand_beside_another_clients(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "early_bird"), figure(report, "early_bird-found")
    for series, key in zip(drawn["series"], ("agreement_final", "agreement_other"), strict=True):
        assert series["x"] == [row["to"] for row in found["masks"]]
        assert series["y"] == close([row[key] for row in found["masks"]])
    assert [mark["x"] for mark in drawn["marks"]] == close([np.median(found["found_at"])])


def test_a_run_without_a_history_shows_when_masks_stand_still(studied: Path, tmp_path: Path) -> None:
    run = copied(studied, tmp_path)
    late = {"history_from": 4, "found_at": [3, 1, 1, 4], "found_at_median": 2.0}
    changed(run, "early_bird", lambda record: record["result"].update(late))
    (series,) = figure(Parsed(write([run], tmp_path / "a.html")), "early_bird-found")["series"]
    assert dict(zip(series["x"], series["y"], strict=True)) == {1: 50, 3: 75, 4: 100}


def planted() -> dict[str, Any]:
    """What the probe finds in masks that tell two of three labels."""
    rng = generator(0, "planted")
    has = np.array([np.isin(np.arange(3), rng.permutation(3)[:2]) for _ in range(PLANTED_CLIENTS)])
    bits = rng.random((PLANTED_CLIENTS, 90)) < np.repeat(np.where(has, 0.8, 0.4), 30, axis=1)
    return {"labels": [0, 1, 2], **probe([bits], has, np.arange(PLANTED_CLIENTS) % 5, rng, 19)}


def test_a_leak_stands_beside_its_shuffles(studied: Path, tmp_path: Path) -> None:
    run, told = copied(studied, tmp_path), {"fc.weight": planted(), "all layers": planted()}
    changed(run, "leak", lambda record: record.pop("skipped"))
    changed(run, "leak", lambda record: record.update(result={"clients": PLANTED_CLIENTS, "layers": told}))
    report = Parsed(write([run], tmp_path / "a.html"))
    for row in figure(report, "leak-auc")["rows"]:
        found = told[row["name"]]
        assert row["values"] == close(found["label_auc"])
        assert row["mean"] == close(np.mean(found["label_auc"]))
        assert row["band"] == close(found["auc_shuffled"])
        assert row["band"][1] == close(found["auc_by_chance"])
        assert row["band"][1] < row["mean"]
        assert row["clients"] == [0, 1, 2]
    assert report.column("tickets-0-leak-0", "AUC")[0][0] == f"{told['fc.weight']['auc']:.3f}"


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
    assert "id='tickets'" not in write([run], tmp_path / "b.html").read_text()


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
    assert hostile.tables["tickets-0-overlap-0"][1][0][0] == HOSTILE


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
from fedprune.report import write
write([pathlib.Path({str(run)!r})], pathlib.Path({str(tmp_path / "a.html")!r}))
assert not {{"torch", "flwr", "scipy"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
