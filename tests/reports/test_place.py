"""Reports have names of their own, and a pattern for runs finds runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fedprune.cli import main
from fedprune.reports import write
from fedprune.reports.place import is_part
from fedprune.runs.files import RunError

from .synthetic import write_run


def test_reports_on_other_runs_have_other_names_and_on_the_same_runs_the_same(tmp_path: Path) -> None:
    first, second = (write_run(tmp_path / "runs", name) for name in ("a", "b"))
    paths = [write(folders) for folders in ([first], [second], [first, second], [second, first])]
    assert {path.parent for path in paths} == {tmp_path / "runs" / "reports"}
    assert len(set(paths)) == 3
    assert paths[2] == paths[3]
    assert all(path.name.startswith("synthetic-") for path in paths)


def test_runs_of_one_name_in_two_places_are_other_runs(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / place, "a") for place in ("runs", "again")]
    both, alone = write(folders), write(folders[:1])
    assert both.parent == alone.parent == tmp_path / "runs" / "reports"
    assert both != alone


def test_a_report_is_found_beside_the_run_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "runs", "a")
    named = write([run])
    monkeypatch.chdir(run)
    assert write([Path(".")]).resolve() == named
    monkeypatch.chdir(tmp_path)
    assert write([Path("runs/a-s0")]) == Path("runs/reports") / named.name


def test_a_pattern_of_a_scenarios_runs_finds_no_report(tmp_path: Path) -> None:
    run = write_run(tmp_path, "a")
    write([run])
    assert list(tmp_path.glob("a-*")) == [run]


@pytest.mark.parametrize("verb", [["show"], ["report"], ["watch", "--once"]])
def test_verbs_pass_over_reports(verb: list[str], tmp_path: Path) -> None:
    run = write_run(tmp_path, "a")
    write([run])
    write([run], tmp_path / "all.html")
    orphan = Path(shutil.copytree(tmp_path / "all", tmp_path / "tables"))
    assert is_part(orphan)
    found = [str(path) for path in sorted(tmp_path.iterdir())]
    assert len(found) == 5
    assert main([*verb, *found]) == 0


def test_what_is_neither_run_nor_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert not is_part(tmp_path / "other")
    with pytest.raises(RunError, match="not a run folder"):
        write([write_run(tmp_path, "a"), tmp_path / "other"])
