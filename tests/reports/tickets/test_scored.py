"""Pictures of accuracies: every number recomputed from the studies' results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ..parsed import Parsed
from ..studied import close, figure, interval, result


def test_retraining_shows_each_clients_mean_and_the_intervals(report: Parsed, studied: Path) -> None:
    found, drawn = result(studied, "retrain"), figure(report, "retrain-accuracy")
    assert [row["name"] for row in drawn["rows"]] == list(found["conditions"])
    for row in drawn["rows"]:
        values = [100 * value for value in found["by_client"][row["name"]]]
        assert row["values"] == close(values)
        assert row["mean"] == close(100 * found["conditions"][row["name"]]["score"])
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
