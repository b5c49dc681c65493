"""Runs are followed through whatever their writers do to the files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fedprune.runs.files import RunError
from fedprune.watch.follow import PATIENCE, Follower, Runs
from tests.watch.records import Made, record


@pytest.fixture
def dead() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_each_look_reads_only_what_is_new(tmp_path: Path) -> None:
    made = Made(tmp_path)
    follower = Follower(made.path)
    for number in range(1, 6):
        made.log(record(number))
        assert follower.look().round == number
        # What was read before could not be read again.
        made.folder.rounds.write_bytes(b"x" * made.folder.rounds.stat().st_size)
    assert follower.look().up_total == 15_000


def test_a_line_that_is_half_written_waits_until_it_is_whole(tmp_path: Path) -> None:
    made = Made(tmp_path)
    follower = Follower(made.path)
    made.log(record(1))
    whole = made.folder.rounds.read_bytes()
    made.log(record(2), end="")
    half = made.folder.rounds.read_bytes()
    for length in range(len(whole), len(half) + 1):
        made.folder.rounds.write_bytes(half[:length])
        assert follower.look().round == 1
    made.log(end="\n")
    assert follower.look().round == 2


def test_a_run_that_was_cut_back_by_a_resume_is_read_anew(tmp_path: Path) -> None:
    made = Made(tmp_path)
    follower = Follower(made.path)
    made.log(*(record(number) for number in range(1, 6)))
    assert follower.look().round == 5
    made.folder.rounds.write_bytes(b"")
    made.log(record(1), record(2))
    assert (follower.look().round, follower.look().up_total) == (2, 3000)


def test_a_run_that_was_begun_anew_is_read_anew_even_if_it_is_longer_by_now(tmp_path: Path) -> None:
    made = Made(tmp_path)
    follower = Follower(made.path)
    made.log(record(1), record(2))
    assert follower.look().round == 2
    made.folder.rounds.write_bytes(b"")
    made.log(*(record(number, bytes_up=7) for number in range(1, 6)))
    assert (follower.look().round, follower.look().up_total) == (5, 35)


def test_a_damaged_line_makes_a_run_unreadable_and_is_named(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.log(record(1))
    made.folder.rounds.write_bytes(made.folder.rounds.read_bytes() + b"nonsense\n")
    seen = Follower(made.path).look()
    assert seen.state == "unreadable"
    assert "rounds.jsonl, line 2: not the record of round 2; the file is damaged" in seen.trouble


@pytest.mark.parametrize("file", ["status.json", "scenario.toml"])
def test_other_damaged_files_are_named_too(tmp_path: Path, file: str) -> None:
    made = Made(tmp_path)
    (made.path / file).write_text("{", "utf-8")
    assert file in Follower(made.path).look().trouble


def test_a_folder_that_is_gone_for_a_moment_is_as_it_was_and_then_unreadable(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.log(record(1))
    follower = Follower(made.path)
    follower.look()
    made.path.rename(tmp_path / "away")
    assert [follower.look().state for _ in range(PATIENCE)] == ["running"] * (PATIENCE - 1) + ["unreadable"]
    (tmp_path / "away").rename(made.path)
    assert follower.look().state == "running"


def test_a_run_whose_process_is_gone_is_stopped(tmp_path: Path, dead: int) -> None:
    made = Made(tmp_path)
    made.say("running", 0, dead)
    assert Follower(made.path).look().state == "stopped"


def test_a_folder_of_runs_shows_those_that_begin_later_in_the_order_they_began(tmp_path: Path) -> None:
    first = Made(tmp_path, "z-0-s0")
    os.utime(first.path / "scenario.toml", (1000, 1000))
    runs = Runs([tmp_path])
    assert [path.name for path in runs.look()] == ["z-0-s0"]
    Made(tmp_path, "a-0-s0")
    (tmp_path / ".b.1.tmp").mkdir()
    (tmp_path / ".b.1.tmp" / "scenario.toml").write_text("", "utf-8")
    assert [path.name for path in runs.look()] == ["z-0-s0", "a-0-s0"]


def test_a_sweep_is_over_when_its_process_is_gone_or_has_begun_nothing_for_a_while(
    tmp_path: Path, dead: int
) -> None:
    made = Made(tmp_path)
    runs = Runs([tmp_path])
    assert not runs.over(runs.look())
    made.say("complete", 10)
    assert not runs.over(runs.look())
    os.utime(made.path / "status.json", (1000, 1000))
    assert runs.over(runs.look())
    made.say("complete", 10, dead)
    assert runs.over(runs.look())


def test_a_run_that_was_named_is_over_as_soon_as_it_is_complete(tmp_path: Path) -> None:
    made = Made(tmp_path)
    runs = Runs([made.path])
    made.say("complete", 10)
    assert runs.over(runs.look())


def test_a_path_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere does not exist"):
        Runs([tmp_path / "nowhere"])
    with pytest.raises(RunError, match="is not a run folder"):
        Runs([tmp_path])
