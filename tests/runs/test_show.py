"""What ``fedprune show`` prints, read from run folders alone, also of runs that are not finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedprune.runs.files import RunError
from fedprune.runs.show import render

from .made import make


def lines(text: str) -> list[list[str]]:
    """The cells of a printed table, without the notes below it."""
    text = text.partition("\n\n")[0]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_a_complete_run_is_one_row_in_human_units(tmp_path: Path) -> None:
    header, _, row = lines(render([make(tmp_path)]))
    cells = dict(zip(header, row, strict=True))
    assert cells["run"] == "demo"
    assert cells["accuracy %"] == "80.00"
    assert cells["MB up"] == "4.00"
    assert cells["MB to target"] == "7.50"
    assert cells["rounds"] == "4"
    assert "status" not in cells
    assert "seeds" not in cells


def test_an_unfinished_run_says_how_far_it_is_and_what_it_cost(tmp_path: Path) -> None:
    paths = [make(tmp_path), make(tmp_path, lr=0.5, label="lr 0.5", accuracy=None)]
    header, _, _, row = lines(render(paths))
    cells = dict(zip(header, row, strict=True))
    assert cells["run"] == "lr 0.5"
    assert cells["accuracy %"] == "-"
    assert (cells["MB up"], cells["MB down"], cells["seconds"], cells["density %"]) == (
        "2.00",
        "6.00",
        "1.0",
        "50.0",
    )
    assert cells["status"] == "running at 2/4"


def test_json_has_every_run_in_raw_units(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = json.loads(render([make(tmp_path, seed=1)], form="json"))
    assert found[0]["run"] == "demo-0.1-s1"
    assert found[0]["bytes_up_total"] == 8_000_000


def test_markdown_has_the_same_cells_and_escapes_bars(tmp_path: Path) -> None:
    paths = [make(tmp_path, label="a|b")]
    header, rule, line = render(paths, form="markdown").partition("\n\n")[0].splitlines()
    assert header.startswith("| run | accuracy % |")
    assert rule.startswith("| --- | ---: |")
    assert line.startswith("| a\\|b | 80.00 |")


def test_a_control_code_in_a_label_is_shown_and_not_carried_out(tmp_path: Path) -> None:
    results = make(tmp_path) / "results.json"
    results.write_text(json.dumps({**json.loads(results.read_text()), "label": "\x1b[31mred"}))
    text = render([results.parent])
    assert "\x1b" not in text
    assert r"\x1b[31mred" in text


def test_a_run_of_which_a_sample_was_evaluated_says_how_well_the_mean_over_all_is_known(
    tmp_path: Path,
) -> None:
    results = make(tmp_path) / "results.json"
    sample = {
        "clients": 1000,
        "clients_in_all": 1_000_000,
        "test_score_personal_low": 0.78,
        "test_score_personal_high": 0.82,
    }
    results.write_text(json.dumps({**json.loads(results.read_text()), **sample}))
    *_, said = render([results.parent]).splitlines()
    assert said == (
        "demo: 1,000 of 1,000,000 clients, drawn at random, were evaluated; "
        "the 95 % interval of the mean over all is 78.00 to 82.00."
    )


def test_no_runs_make_an_empty_table() -> None:
    assert render([]).splitlines()[0] == "run"


def test_what_is_no_run_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        render([tmp_path])
    path = make(tmp_path)
    (path / "scenario.toml").write_text("[run")
    with pytest.raises(RunError, match=r"scenario\.toml.*damaged"):
        render([path])


def test_the_same_plus_minus_is_shown_as_in_a_report_and_said_below(tmp_path: Path) -> None:
    several = render([make(tmp_path, seed=seed, accuracy=0.8 + 0.1 * seed) for seed in (0, 1)])
    # A t-interval of two values reaches 12.7 / sqrt(2) of their standard deviation to each side.
    assert "85.00 ± 63.53" in several
    assert "95 % t-interval over seeds" in several
    alone = render([make(tmp_path, seed=2)])
    assert "±" not in alone
    assert "final evaluation" in alone


def test_a_run_without_results_has_no_note_about_them(tmp_path: Path) -> None:
    assert "final" not in render([make(tmp_path, accuracy=None)])


def test_what_a_device_waits_for_is_shown_where_it_was_measured(tmp_path: Path) -> None:
    run = make(tmp_path)
    assert "ms an answer" not in render([run])
    told = {"client": 3, "latency": 0.00125, "latency_speedup": 2.0, "rows": []}
    (run / "latency.json").write_text(json.dumps(told), "utf-8")
    header, _, row = lines(render([run]))
    cells = dict(zip(header, row, strict=True))
    assert (cells["ms an answer"], cells["x dense"]) == ("1.250", "2.00")


def test_a_damaged_latency_is_told(tmp_path: Path) -> None:
    run = make(tmp_path)
    (run / "latency.json").write_text(json.dumps({"client": 3, "latency": "soon"}), "utf-8")
    with pytest.raises(RunError, match=r"latency\.json: 'latency'"):
        render([run])
