"""A report of any runs is one safe file, also of runs that are alone, unfinished, empty or hostile."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from fedprune.reports import export, write
from fedprune.reports.figures import BAND_FROM, MOST_BINS, MOST_LINES, MOST_POINTS
from fedprune.reports.page import embedded
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.types import printable

from .parsed import Parsed
from .synthetic import write_run

HOSTILE = "</script><script>alert(1)</script><!-- <b onload='x'>\"&amp; ' \u2028\u2029 ü %s {0} \\"


def test_a_report_of_one_run_has_every_picture(tmp_path: Path) -> None:
    report = Parsed(write([write_run(tmp_path / "runs", "solo")], tmp_path / "solo.html"))
    kinds = [figure["kind"] for figure in report.data["figures"]]
    assert kinds == ["lines"] * 2 + ["dots"] + ["lines"] * 4 + ["parts", "stack", "lines", "grid"]
    assert report.column("results", "seeds")[0][:2] == ["1", ""]


def test_the_same_runs_give_the_same_file(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", "solo", seed=seed) for seed in (0, 1)]
    first, second = (write(runs, tmp_path / name / "a.html").read_bytes() for name in ("x", "y"))
    assert first == second


def test_nothing_is_fetched_and_only_the_reports_own_script_may_run(tmp_path: Path) -> None:
    report = Parsed(write([write_run(tmp_path / "runs", "solo")], tmp_path / "solo.html"))
    assert not [found for _, found in report.tags if "src" in found]
    links = [str(found["href"]) for _, found in report.tags if "href" in found]
    assert all(link.startswith(("#part-", "solo/")) for link in links)
    (policy,) = [str(found["content"]) for tag, found in report.tags if tag == "meta" and "content" in found][
        :1
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_what_a_run_says_of_itself_is_never_markup(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", "x", label=HOSTILE, reason=HOSTILE, layers=(HOSTILE, "b"))
    plain = write_run(tmp_path / "runs", "y", layers=(HOSTILE, "b"))
    names = [tag for tag, _ in Parsed(write([plain], tmp_path / "plain.html")).tags]
    report = Parsed(write([run], tmp_path / "hostile.html"))
    assert [tag for tag, _ in report.tags] == names
    assert not [found for _, found in report.tags if "onload" in found]
    # Labels come from status.json, whose texts are read as a terminal may have them.
    assert report.data["methods"] == [printable(HOSTILE)]
    assert report.tables["results"][1][0][0] == printable(HOSTILE)
    assert report.tables["failures"][1][2][0] == HOSTILE
    for picture in (tmp_path / "hostile").glob("*.svg"):
        ET.parse(picture)


@pytest.mark.parametrize("character", ["<", ">", "&", "\u2028", "\u2029"])
def test_embedded_json_has_no_character_that_ends_a_script(character: str) -> None:
    text = embedded({character: [character, 0.1]})
    assert character not in text
    assert json.loads(text) == {character: [character, 0.1]}


def test_a_run_without_tests_or_pruning_has_a_report(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", "untested", every=99, finished=False, layers=())
    report = Parsed(write([run], tmp_path / "a.html"))
    assert {figure["kind"] for figure in report.data["figures"]} == {"lines", "parts", "stack", "grid"}
    assert report.column("results", "accuracy %")[0][0] == "-"


def test_a_run_that_was_stopped_before_its_first_round_has_a_report(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "runs", "empty", '[run]\nname = "empty"\n', "0", False) as folder:
        report = Parsed(write([folder.path], tmp_path / "a.html"))
    assert report.data["figures"] == []
    assert report.tables["results"][1][0][0] == "empty"


def test_a_target_that_not_all_seeds_reach_has_no_mean_cost(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", "a", seed=seed, target=0.99) for seed in (0, 1)]
    figure = Parsed(write(runs, tmp_path / "a.html")).figures["accuracy-by-bytes"]
    assert (figure["reached"], figure["target"]) == ([], 99)
    assert "No method reached" in figure["alt"]


def test_privacy_has_a_column_where_a_run_gives_any(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", "noisy", epsilon=3.14159), write_run(tmp_path / "runs", "plain")]
    both = Parsed(write(runs, tmp_path / "a.html"))
    assert [cell[0] for cell in both.column("results", "epsilon")] == ["3.14", "-"]
    plain = Parsed(write(runs[1:], tmp_path / "b.html"))
    assert "epsilon" not in [cell[0] for cell in plain.tables["results"][0]]


def test_methods_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", method, label="same") for method in ("a", "b")]
    assert Parsed(write(runs, tmp_path / "a.html")).data["methods"] == [
        "same (strategy a)",
        "same (strategy b)",
    ]


def test_bands_come_with_three_seeds(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", "a", seed=seed) for seed in range(BAND_FROM)]
    for count, told in ((BAND_FROM - 1, False), (BAND_FROM, True)):
        write(runs[:count], tmp_path / "a.html")
        assert ("<polygon" in (tmp_path / "a" / "accuracy-by-round.svg").read_text()) == told


def test_long_runs_and_deep_models_are_thinned_to_what_can_be_seen(tmp_path: Path) -> None:
    rounds = MOST_POINTS + 150
    layers = tuple(f"layer{number}.weight" for number in range(MOST_LINES + 1))
    run = write_run(tmp_path / "runs", "long", rounds=rounds, sampled=1, every=1, layers=layers)
    report = Parsed(write([run], tmp_path / "a.html"))
    (series,) = report.figures["accuracy-by-round"]["series"]
    assert len(series["x"]) == MOST_POINTS
    assert (series["round"][0], series["round"][-1]) == (1, rounds)
    bins = report.figures["traffic-0-long"]["bins"]
    assert len(bins) == MOST_BINS
    assert [bar["first"] for bar in bins[1:]] == [bar["last"] + 1 for bar in bins[:-1]]
    assert (bins[0]["first"], bins[-1]["last"]) == (1, rounds)
    grid = report.figures["density-0-long"]
    assert (grid["kind"], grid["rows"], grid["columns"][-1]) == ("grid", list(layers), rounds)


def test_the_command_that_repeats_it_names_each_scenario(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs", method) for method in ("a", "b c")]
    text = write(runs, tmp_path / "a.html").read_text()
    command = unescape(text.partition("<pre id='repeat'>")[2].partition("</pre>")[0]).replace("\\\n", " ")
    words = [shlex.split(line) for line in command.splitlines()]
    assert words[0] == ["fedprune", "run", "a-s0/scenario.toml", "b_c-s0/scenario.toml", "--out", "again"]
    assert words[1] == ["fedprune", "report", "again/a-s0", "again/b_c-s0", "--out", "again.html"]


def test_pictures_are_written_for_papers(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="PNG needs the extra fedprune[png]")
    target = write([write_run(tmp_path / "runs", "a")], tmp_path / "a.html", png=True)
    figures = {figure["id"] for figure in Parsed(target).data["figures"]}
    for suffix, start in ((".svg", b"<svg"), (".png", b"\x89PNG")):
        found = {path.stem: path.read_bytes() for path in (tmp_path / "a").glob(f"*{suffix}")}
        assert found.keys() == figures
        assert all(data.startswith(start) for data in found.values())


def test_each_table_is_a_csv_and_a_parquet_file_of_one_content(tmp_path: Path) -> None:
    write([write_run(tmp_path / "runs", "a")], tmp_path / "a.html")
    for name in export.TABLES:
        table = pl.read_parquet(tmp_path / "a" / f"{name}.parquet")
        text = pl.read_csv(tmp_path / "a" / f"{name}.csv", infer_schema_length=None)
        assert (text.columns, text.height) == (table.columns, table.height)


def test_links_lead_to_the_files_beside_the_report(studied: Path, tmp_path: Path) -> None:
    target = tmp_path / "a & b.html"
    tags = Parsed(write([studied], target)).tags
    links = [unquote(str(found["href"])) for _, found in tags if "href" in found]
    files = [link for link in links if not link.startswith("#")]
    assert {Path(link).suffix for link in files} == {".csv", ".parquet", ".svg"}
    assert all((tmp_path / link).is_file() for link in files)
    ids = {found.get("id") for _, found in tags}
    assert all(link[1:] in ids for link in links if link.startswith("#"))


def test_what_is_no_run_and_what_is_no_html_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        write([tmp_path], tmp_path / "a.html")
    with pytest.raises(RunError, match=r"name that ends in \.html"):
        write([write_run(tmp_path, "a")], tmp_path / "a.pdf")
    assert not (tmp_path / "a").exists()
    with pytest.raises(RunError, match="give at least one run folder"):
        write([])
