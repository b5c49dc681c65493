"""Pictures of masks: every number recomputed from the studies' results, some from the masks."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedprune
from fedprune.reports import write
from fedprune.seeds import generator
from fedprune.tickets.studies.leak import probe

from ..parsed import Parsed
from ..studied import changed, close, copied, figure, labels, result, shared

PLANTED_CLIENTS = 30


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
