"""Runs of a sweep side by side come to what they come to one after the other, and fail alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from fedprune import simulate
from fedprune.progress import JsonProgress
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.types import UserError
from tests.conformance.battery import bits, small


def members(rounds: int = 2) -> list[Scenario]:
    return [
        small({"name": "fedavg"}, run={"seed": seed, "rounds": rounds, "label": f"seed {seed}"})
        for seed in (0, 1)
    ]


def test_runs_side_by_side_have_the_bits_of_runs_in_turn_and_tell_as_much(tmp_path: Path) -> None:
    told = StringIO()
    together = simulate.run(members(), out=tmp_path / "together", jobs=2, progress=JsonProgress(told))
    apart = simulate.run(members(), out=tmp_path / "apart")
    assert [bits(run.folder) for run in together] == [bits(run.folder) for run in apart]
    events = [json.loads(line) for line in told.getvalue().splitlines()]
    for run in together:
        kinds = [each["event"] for each in events if each["run"] == run.folder.name]
        assert [kind for kind in kinds if kind != "client_evaluated"] == [
            "run_started",
            "round_finished",
            "round_finished",
            "run_finished",
        ]


def test_one_that_fails_does_not_end_the_others_and_is_told(tmp_path: Path) -> None:
    good, bad = members()
    folder = tmp_path / bad.run_id()
    folder.mkdir()
    with pytest.raises(UserError, match="1 of 2 runs failed; the first: "):
        simulate.run([good, bad], out=tmp_path, jobs=2)
    assert RunFolder(tmp_path / good.run_id()).finished


def test_a_share_of_the_machines_must_be_said(tmp_path: Path) -> None:
    sharing = [small({"name": "fedavg"}, engine={"name": "processes"})]
    with pytest.raises(UserError, match=r"engine\.workers=N"):
        simulate.run(sharing, out=tmp_path, jobs=2)


def test_an_interrupt_stops_all_of_them_at_a_whole_round_and_each_goes_on_alone(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps([scenario.to_dict() for scenario in members(rounds=60)]))
    driver = (
        # A shell that starts tests in the background has them ignore interrupts, as would their children.
        "import json, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from fedprune import cli, simulate; from fedprune.scenario import Scenario;"
        f"runs = [Scenario.from_dict(each) for each in json.load(open({str(path)!r}))];"
        f"sys.exit(cli.exit_status(lambda: simulate.run(runs, out={str(tmp_path / 'runs')!r}, jobs=2)))"
    )
    process = subprocess.Popen([sys.executable, "-c", driver], stderr=subprocess.DEVNULL)
    folders = [RunFolder(tmp_path / "runs" / scenario.run_id()) for scenario in members(rounds=60)]
    while not all(folder.rounds.exists() and folder.rounds.stat().st_size for folder in folders):
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    for folder in folders:
        assert folder.read_status()["state"] == "stopped"
        assert 0 < folder.read_status()["round"] < 60
