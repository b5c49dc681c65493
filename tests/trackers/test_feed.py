"""What feeds trackers: each round once, all that a late tracker lacks, and no harm from one that fails."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fedprune import simulate
from fedprune.cli import main
from fedprune.plugins import places
from fedprune.progress import Progress
from fedprune.runs.metrics import CLOCK_FIELDS, METRICS
from fedprune.score import Score
from fedprune.trackers.feed import figures

SETTINGS: dict[str, Any] = {
    "run": {"name": "followed", "rounds": 3, "clients_per_round": 2, "checkpoint_every": 1},
    "partition": {"clients": 4},
    "model": {"name": "mlp"},
    "train": {"epochs": 1},
    "engine": {"name": "in_process"},
}

NOTEBOOK = '''"""Writes down what it is told, and fails where it is told to."""
import json
import sys
import warnings

class Notebook:
    def __init__(self, path):
        self.path = path

    def write(self, event, *what):
        print("chatter")
        print("chatter", file=sys.stderr)
        warnings.warn("chatter")
        with self.path.open("a") as file:
            print(json.dumps([event, *what]), file=file)
        if (event, what[:1]) in FAILS:
            raise ValueError("the disk\\nis full")

    def log_round(self, round, figures):
        self.write("round", round, figures)

    def log_results(self, round, figures):
        self.write("results", round, figures)

    def close(self, finished):
        self.write("close", finished)

def open_tracker(folder, run):
    made = Notebook(folder / "notes")
    made.write("open", run.id, run.label, dict(run.settings))
    return made
'''

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes an installed package with a tracker that fails at the given events, and returns its name."""
    open_experiment = tmp_path / "site"
    monkeypatch.syspath_prepend(str(open_experiment))

    def made(name: str, fails: str = "()", source: str = NOTEBOOK) -> str:
        info = open_experiment / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (open_experiment / f"{name}.py").write_text(f"{source}\nFAILS = {fails}\n", "utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[fedprune.trackers]\n{name} = {name}\n", "utf-8")
        places._scan.cache_clear()
        return name

    return made


class Stop(Progress):
    """Interrupts a run after a round, if told to, as Ctrl-C does; remembers where the run began."""

    def __init__(self, after: int = 0) -> None:
        self._after = after
        self.done = -1

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        self.done = done

    def round_finished(self, record: Any) -> None:
        if record["round"] == self._after:
            raise KeyboardInterrupt


def notes(run: Path, name: str) -> list[list[Any]]:
    text = (run / "trackers" / name / "notes").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def rounds(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "rounds.jsonl").read_text("utf-8").splitlines()]


def bits(run: Path) -> list[Any]:
    """All that a run left, but for clocks."""
    logged = [{key: value for key, value in line.items() if key not in CLOCK_FIELDS} for line in rounds(run)]
    return [logged, *(path.read_bytes() for path in sorted((run / "final").iterdir()))]


def test_a_tracker_is_told_of_the_run_each_round_and_the_results(install: Install, tmp_path: Path) -> None:
    name = install("told")
    (done,) = simulate.run(SETTINGS, out=tmp_path / "runs", track=[name, name])
    opened, *middle, results, closed = notes(done.folder, name)
    assert opened[:3] == ["open", done.folder.name, "followed"]
    assert opened[3]["run.rounds"] == 3
    assert opened[3]["model.name"] == "mlp"
    assert [note[:2] for note in middle] == [["round", 1], ["round", 2], ["round", 3]]
    for note, record in zip(middle, rounds(done.folder), strict=True):
        assert note[2] == figures("rounds.jsonl", record)
        assert note[2]["bytes_up"] == record["bytes_up"]
        assert ("test_score_after" in note[2]) == (record["test_score_after"] is not None)
    assert results[2]["test_score_personal"] == done.metrics["test_score_personal"]
    assert closed == ["close", True]


def test_figures_are_the_numbers_of_a_record_under_documented_names() -> None:
    record = {"round": 3, "train_loss": None, "density": 1, "clients": [1], "failed": [], "rounds": 9}
    assert figures("rounds.jsonl", record) == {"density": 1.0}
    assert set(figures("rounds.jsonl", dict.fromkeys(METRICS["rounds.jsonl"], 1))) < set(
        METRICS["rounds.jsonl"]
    )


def test_an_interrupted_run_closes_its_tracker_and_a_resumed_one_repeats_no_round(
    install: Install, tmp_path: Path
) -> None:
    name = install("stopped")
    with pytest.raises(KeyboardInterrupt):
        simulate.run(SETTINGS, out=tmp_path, track=[name], progress=Stop(2))
    (run,) = tmp_path.glob("followed-*")
    # The interrupt came before the tracker was told of round 2.
    assert [note[:2] for note in notes(run, name)[1:]] == [["round", 1], ["close", False]]
    simulate.resume(run, track=[name])
    assert [note[:2] for note in notes(run, name)[4:]] == [
        ["round", 2],
        ["round", 3],
        ["results", 3],
        ["close", True],
    ]


def test_an_interrupt_waits_until_a_round_is_handed_over(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    pressed = "import signal, os\nif 'PRESSED' not in os.environ: signal.raise_signal(signal.SIGINT)\n"
    body = "def log_round(self, round, figures):\n"
    indented = "".join(f"        {line}\n" for line in pressed.splitlines())
    name = install("pressed", source=NOTEBOOK.replace(body, body + indented))
    try:
        with pytest.raises(KeyboardInterrupt):
            simulate.run(SETTINGS, out=tmp_path, track=[name])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    (run,) = tmp_path.glob("followed-*")
    assert [note[:2] for note in notes(run, name)[1:]] == [["round", 1], ["close", False]]
    monkeypatch.setenv("PRESSED", "1")
    simulate.resume(run, track=[name])
    assert [note[1] for note in notes(run, name) if note[0] == "round"] == [1, 2, 3]


def test_rounds_that_a_killed_run_repeats_are_not_given_again(install: Install, tmp_path: Path) -> None:
    name = install("killed")
    settings = {**SETTINGS, "run": {**SETTINGS["run"], "rounds": 4, "checkpoint_every": 2}}
    with pytest.raises(KeyboardInterrupt):
        simulate.run(settings, out=tmp_path, track=[name], progress=Stop(4))
    (run,) = tmp_path.glob("followed-*")
    # As if killed in round 4: the checkpoint after it was never made.
    shutil.rmtree(run / "checkpoints" / "round-000004")
    again = Stop()
    simulate.resume(run, track=[name], progress=again)
    assert again.done == 2
    given = [note[1] for note in notes(run, name) if note[0] == "round"]
    assert given == [1, 2, 3, 4]


def test_a_run_that_is_complete_can_still_be_tracked_but_only_once(install: Install, tmp_path: Path) -> None:
    name = install("late")
    (done,) = simulate.run(SETTINGS, out=tmp_path)
    for _ in range(2):
        simulate.run(SETTINGS, out=tmp_path, track=[name])
    assert [note[0] for note in notes(done.folder, name)] == ["open", *["round"] * 3, "results", "close"]


@pytest.mark.parametrize(
    ("event", "fails", "heard"),
    [
        ("start", "[('open', RUN)]", 1),
        ("round", "[('round', (2,))]", 3),
        ("finish", "[('results', (3,))]", 5),
        ("close", "[('close', (True,))]", 6),
    ],
)
def test_a_tracker_that_fails_warns_once_and_changes_nothing(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str], event: str, fails: str, heard: int
) -> None:
    (plain,) = simulate.run(SETTINGS, out=tmp_path / "plain")
    name = install(f"fails_at_{event}", fails.replace("RUN", f"({plain.folder.name!r},)"))
    capsys.readouterr()
    (done,) = simulate.run(SETTINGS, out=tmp_path / "tracked", track=[name])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"fedprune: warning: tracker {name}: the disk is full; the run goes on without it\n"
    assert len(notes(done.folder, name)) == heard
    assert done.folder.name == plain.folder.name
    assert bits(done.folder) == bits(plain.folder)


def test_a_tracker_that_cannot_be_imported_warns_and_the_run_goes_on(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = install("broken", source="import no_such_library")
    assert simulate.run(SETTINGS, out=tmp_path, track=[name])[0].metrics["rounds"] == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert f"tracker {name}: " in line
    assert "imports 'no_such_library', which is not installed here" in line


def test_an_unknown_tracker_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["run", "quickstart", "--out", str(tmp_path / "runs")], ["resume", str(tmp_path)]):
        assert main([*arguments, "--track", "tensorbord"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        said = "fedprune: error: unknown tracker 'tensorbord', did you mean 'tensorboard'? (looked in "
        assert line.startswith(said)
    assert list(tmp_path.iterdir()) == []
