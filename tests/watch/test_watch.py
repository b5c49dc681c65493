"""``fedprune watch`` on real runs: to their ends, as they stand, and on a terminal."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import fedprune
from fedprune.cli import main
from fedprune.progress import size
from fedprune.watch import watch
from tests.terminal import terminal
from tests.watch.records import Made, record

REPOSITORY = str(Path(fedprune.__file__).parent.parent)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fedprune", *arguments]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The quickstart's runs, cut short, and what a watcher that began with the first of them printed."""
    home = tmp_path_factory.mktemp("watched")
    environment = {**os.environ, "PYTHONPATH": REPOSITORY, "FEDPRUNE_CACHE": str(home / "cache")}
    short = (
        "run.rounds=3",
        "run.clients_per_round=2",
        "partition.clients=10",
        "train.epochs=1",
        "evaluate.every=2",
        "engine.name=in_process",
    )
    cut = [part for setting in short for part in ("--set", setting)]
    running = subprocess.Popen(
        command("run", "quickstart", "--json", *cut),
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert '"run_started"' in running.stdout.readline()
    try:
        watcher = subprocess.Popen(
            command("watch", "runs"), cwd=home, env=environment, stdout=subprocess.PIPE, text=True
        )
        running.communicate(timeout=300)
        said, _ = watcher.communicate(timeout=60)
    finally:
        running.kill()
    return home / "runs", subprocess.CompletedProcess(watcher.args, watcher.returncode, said)


def results(runs: Path) -> list[Path]:
    return sorted(file.parent for file in runs.glob("*/results.json"))


def expected(run: Path) -> str:
    """How a line on a complete run ends, from its own JSON lines."""
    lines = [json.loads(line) for line in (run / "rounds.jsonl").read_text("utf-8").splitlines()]
    last = lines[-1]
    accuracy = [line["test_score_after"] for line in lines if line["test_score_after"] is not None][-1]
    up, down = (sum(line[f"bytes_{way}"] for line in lines) for way in ("up", "down"))
    pace = sum(line["seconds"] for line in lines) / len(lines)
    return (
        f"round 3/3, accuracy {accuracy:.1%}, loss {last['train_loss']:.3f}, density {last['density']:.1%}, "
        f"up {size(last['bytes_up'])} ({size(up)} in all), "
        f"down {size(last['bytes_down'])} ({size(down)} in all), "
        f"failed 0 (0 in all), {pace:.2g} s a round, complete"
    )


def test_a_sweep_is_watched_to_its_end_and_its_figures_are_those_of_its_files(
    watched: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    runs, watcher = watched
    assert watcher.returncode == 0
    ends = [line.partition(": ")[2] for line in watcher.stdout.splitlines() if line.endswith(", complete")]
    assert len(results(runs)) == 5
    assert sorted(ends) == sorted(expected(run) for run in results(runs))


def test_once_shows_finished_runs_as_they_stand(
    watched: tuple[Path, subprocess.CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *_ = results(watched[0])
    assert main(["watch", "--once", str(first), str(second)]) == 0
    ends = [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert ends == [expected(first), expected(second)]


def test_a_damaged_run_is_one_line_and_status_2_and_the_others_are_shown(
    watched: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, other, *_ = results(watched[0])
    bad = shutil.copytree(other, tmp_path / "bad")
    (bad / "rounds.jsonl").write_text("nonsense\n", "utf-8")
    for arguments in (["--once"], []):
        assert main(["watch", *arguments, str(bad), str(good)]) == 2
        said = capsys.readouterr()
        assert expected(good) in said.out
        (line,) = said.err.splitlines()
        assert line.startswith("fedprune: error: ")
        assert "rounds.jsonl is not what the run wrote: it was changed or is damaged" in line


def test_a_run_that_stopped_ends_the_watch_and_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Made(tmp_path)
    made.log(record(1))
    made.say("stopped", 1)
    assert main(["watch", "--once", str(made.path)]) == 0
    assert main(["watch", str(made.path)]) == 2
    said = capsys.readouterr()
    assert said.err == (f"fedprune: error: ended without results; go on with: fedprune resume {made.path}\n")


def test_a_line_is_printed_only_when_a_run_got_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, stream = Made(tmp_path, rounds=2), io.StringIO()
    made.log(record(1))
    steps = iter([lambda: None, lambda: made.log(record(2)), lambda: made.say("complete", 2)])
    monkeypatch.setattr("fedprune.watch.time.sleep", lambda _: next(steps)())
    watch([made.path], stream)
    states = [line.rpartition(", ")[2] for line in stream.getvalue().splitlines()]
    assert states == ["running", "evaluating", "complete"]


def test_an_escape_sequence_in_a_label_does_not_reach_the_terminal(tmp_path: Path) -> None:
    made, stream = Made(tmp_path, label="\x1b[31mred"), io.StringIO()
    watch([made.path], stream, once=True)
    assert stream.getvalue().startswith("\\x1b[31mred: round 0/10")


def test_an_interrupted_watch_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        pytest.skip("SIGINT is ignored here, and so it is in processes started from here")
    made = Made(tmp_path)
    made.log(record(1, test_score_after=0.5), record(2))
    with terminal() as (writer, seen):
        process = subprocess.Popen(
            command("watch", str(made.path)),
            env={**os.environ, "PYTHONPATH": REPOSITORY, "COLUMNS": "60", "LINES": "24", "TERM": "xterm"},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
        )
        while b"2/10" not in b"".join(seen):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    drawn = b"".join(seen).decode()
    assert process.returncode == 130
    assert errors == "fedprune: no longer watching; the runs go on\n"
    assert "accuracy 50.0%" in drawn
    # The cursor is shown again, below what was drawn.
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
    assert drawn[drawn.rindex("in all)") :].count("\n") >= 1


def test_a_terminal_shows_a_complete_run_and_keeps_it(tmp_path: Path) -> None:
    made = Made(tmp_path, rounds=1)
    made.log(record(1))
    made.say("complete", 1)
    with terminal() as (writer, seen), open(os.dup(writer), "w", encoding="utf-8") as stream:
        watch([made.path], stream)
        watch([made.path], stream, once=True)
    assert b"".join(seen).decode().count("1/1") >= 2
