from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fedprune import plugins
from fedprune.cli import main
from fedprune.runs import lock
from fedprune.runs.files import RunError
from fedprune.score import Score
from fedprune.tickets import lab

SHORT = lab.Plan(clients=3, seeds=1, epochs=1, permutations=19)
ACCURACY = Score("accuracy", percent=True)
COUNTING = ["overlap", "early_bird"]
STUDIES = plugins.names("studies")


class PulledError(Exception):
    """The plug was."""


def silent(study: str, done: int, total: int) -> None:
    """Tells nobody."""


def after(units: int) -> Callable[[str, int, int], None]:
    """A progress that stops everything after so many units."""

    def counted(study: str, done: int, total: int) -> None:
        if done >= units:
            raise PulledError

    return counted


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.json*")}


def test_every_study_runs_and_is_told_in_a_table(pruned: Path, tmp_path: Path) -> None:
    before = sorted(pruned.rglob("*"))
    records = lab.carry_out(pruned, STUDIES, SHORT, tmp_path / "out", silent)
    assert sorted(pruned.rglob("*")) == before
    assert sorted(contents(tmp_path / "out")) == [f"{name}.json" for name in STUDIES]
    for name, record in records.items():
        assert "result" in record or name == "leak", record
        assert json.loads((tmp_path / "out" / f"{name}.json").read_bytes()) == record
    text = lab.render(records, ACCURACY)
    assert "is it a ticket?" in text
    assert "overlap of masks" in text


@pytest.mark.parametrize("name", ["retrain", "early_bird"])
def test_a_stopped_study_goes_on_to_the_same_bytes(
    name: str, pruned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    lab.carry_out(pruned, [name], SHORT, whole, silent)
    with pytest.raises(PulledError):
        lab.carry_out(pruned, [name], SHORT, parts, after(4))
    log = parts / f"{name}.units.jsonl"
    # As a kill in the middle of a line leaves it.
    log.write_bytes(log.read_bytes() + b'{"unit": "')
    study, measured = lab.study(name), []
    original = study.measure

    def watched(run: Any, plan: lab.Plan, unit: str) -> Any:
        measured.append(unit)
        return original(run, plan, unit)

    monkeypatch.setattr(study, "measure", watched)
    lab.carry_out(pruned, [name], SHORT, parts, silent)
    assert contents(parts) == contents(whole)
    units = study.units(lab.FinishedRun.open(pruned), SHORT)
    assert measured == list(units)[4:]


def test_what_is_done_is_not_done_again_but_another_plan_is(pruned: Path, tmp_path: Path) -> None:
    told: list[str] = []
    for plan in (SHORT, SHORT, lab.Plan(permutations=29)):
        lab.carry_out(pruned, COUNTING, plan, tmp_path, lambda study, done, total: told.append(study))
        told.append("-")
    first, second, third, _ = "".join(name[0] for name in told).split("-")
    assert first == third
    assert second == ""


def test_a_run_without_masks_is_skipped_with_the_reason(dense: Path, tmp_path: Path) -> None:
    records = lab.carry_out(dense, STUDIES, SHORT, tmp_path, silent)
    assert all(record["skipped"].endswith("at least 3 are needed") for record in records.values())
    assert "overlap: skipped: 0 clients" in lab.render(records, ACCURACY)


def test_a_run_that_is_not_complete_is_refused(pruned: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(pruned, tmp_path / pruned.name))
    status = json.loads((copied / "status.json").read_bytes())
    (copied / "status.json").write_text(json.dumps({**status, "state": "stopped"}))
    with pytest.raises(RunError, match="stopped, not complete; finish it with: fedprune resume"):
        lab.carry_out(copied, COUNTING, SHORT, tmp_path / "out", silent)


def test_two_processes_never_work_on_the_same_study(pruned: Path, tmp_path: Path) -> None:
    held = lock.acquire(tmp_path / ".overlap.lock")
    with open(held, "rb"), pytest.raises(RunError, match="in use by process"):
        lab.carry_out(pruned, COUNTING, SHORT, tmp_path, silent)


def test_the_command_line_shows_tables_or_json(
    pruned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["tickets", str(pruned), "--study", "early_bird", "--out", str(tmp_path)]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert "when masks stop moving" in shown.out
    assert "early_bird: 6/6" in shown.err
    assert "fedprune report" not in shown.out  # it reads a run's own folder only
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["early_bird"]["study"] == "early_bird"
    assert main(["tickets", str(pruned), "--study", "overlop"]) == 2
    assert "did you mean 'overlap'?" in capsys.readouterr().err


def test_the_command_ends_with_how_to_see_what_it_found(
    pruned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(pruned, tmp_path / "a run"))
    assert main(["tickets", str(run), "--study", "early_bird"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    verb, command = shlex.split(last)[:2], shlex.split(last)[2:]
    assert verb == ["pictures:", "fedprune"]
    assert main([*command, "--out", str(tmp_path / "a.html")]) == 0
    assert "id='part-tickets'" in (tmp_path / "a.html").read_text()
