"""The command line, as a user meets it: ``python -m fedprune`` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fedprune
from fedprune import plugins
from fedprune.cli import main
from fedprune.cli.questions import LISTED

REPOSITORY = str(Path(fedprune.__file__).parent.parent)

TINY = """
[run]
name = "tiny"
rounds = 2
clients_per_round = 2
checkpoint_every = 1
[partition]
clients = 4
[model]
name = "mlp"
[train]
epochs = 1
[engine]
name = "in_process"
"""

BAD = {
    "mistyped key": "[train]\nlrr = 0.1",
    "mistyped section": "[trian]\nlr = 0.1",
    "text for a number": "[train]\nlr = '0.5'",
    "true for a number": "[train]\nlr = true",
    "not a number": "[train]\nlr = nan",
    "no rounds": "[run]\nrounds = 0",
    "learning rate of zero": "[train]\nlr = 0.0",
    "momentum of one": "[train]\nmomentum = 1.0",
    "everything held out": "[partition]\nvalidation = 1.0",
    "too many clients": "[run]\nclients_per_round = 1000",
    "no quorum": "[run]\nquorum = 0",
    "unknown strategy": "[strategy]\nname = 'fedavgg'",
    "mistyped field": "[strategy]\nname = 'sub_fedavg'\ntraget = 0.5",
    "field out of range": "[strategy]\nname = 'sub_fedavg'\ntarget = 1.5",
    "climbing name": "[run]\nname = '../../x'",
    "absolute name": "[run]\nname = '/tmp/x'",
    "NUL": '[data]\nroot = "a\\u0000b"',
    "broken TOML": "[train\n",
    "huge": b"#" * (2 << 20),
    "key of endless parts": "x" + ".x" * 100_000 + " = 1",
    "bad sweep": "[sweep]\n'train.lr' = [0.1, -1]",
}

IMPOSSIBLE = {
    "missing data": "[data]\nname = 'mnist'\nroot = 'nowhere'",
    "unknown partitioner": "[partition]\nname = 'dirichlett'",
    "unknown argument of a partitioner": "[partition]\nname = 'shards'\nshard_sise = 5",
    "more clients than samples": "[partition]\nclients = 5000",
    "more classes than there are": "[partition]\nname = 'pathological'\nnum_classes_per_partition = 11",
    "unknown option of a model": "[model]\nname = 'digits_cnn'\nbatchnorm = true",
    "images too small for the model": "[model]\nname = 'lenet5'",
    "a target accuracy in percent": "[evaluate]\ntarget = 80.0",
    "a task that the data are not for": "[task]\nname = 'regression'",
    "bad second member": "[model]\nname = 'digits_cnn'\n[sweep]\n'partition.clients' = [20, 5000]",
}
"""Well-formed scenarios that the data or the model refuses."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fedprune", *arguments]


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": REPOSITORY, "FEDPRUNE_CACHE": str(cache)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class Shell:
    """Runs fedprune in a folder of its own that holds tiny.toml."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self._environment = folder, environment(cache)
        (folder / "tiny.toml").write_text(TINY, "utf-8")

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command(*arguments), cwd=self.folder, env=self._environment, **pipes)

    def only_run(self) -> Path:
        (found,) = (file.parent for file in (self.folder / "runs").glob("*/scenario.toml"))
        return found


@pytest.fixture
def shell(tmp_path: Path, cache: Path) -> Shell:
    return Shell(tmp_path, cache)


@pytest.fixture
def refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[str | bytes], str]:
    """refused(scenario): the one line that comes of it, in this process; checks status, output and folder."""

    def line(scenario: str | bytes) -> str:
        (tmp_path / "bad.toml").write_bytes(scenario if isinstance(scenario, bytes) else scenario.encode())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("FEDPRUNE_CACHE", str(cache))
        assert main(["run", "bad.toml"]) == 2
        printed, errors = capfd.readouterr()
        assert printed == ""
        assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]
        (found,) = errors.splitlines()
        return found

    return line


@pytest.mark.parametrize("case", BAD)
def test_a_bad_scenario_ends_in_one_line_and_status_2_and_leaves_nothing(
    refused: Callable[[str | bytes], str], case: str
) -> None:
    assert refused(BAD[case]).startswith("fedprune: error: bad.toml")


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_data_or_model_refuse_ends_in_one_line_and_status_2_and_leaves_nothing(
    refused: Callable[[str | bytes], str], case: str
) -> None:
    assert refused(IMPOSSIBLE[case]).startswith("fedprune: error: ")


@pytest.mark.parametrize("scenario", [BAD["mistyped key"], IMPOSSIBLE["more clients than samples"]])
def test_a_process_that_refuses_a_scenario_ends_as_main_does(shell: Shell, scenario: str) -> None:
    (shell.folder / "tiny.toml").write_text(scenario, "utf-8")
    done = shell("run", "tiny.toml")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith("fedprune: error: ")
    assert [path.name for path in shell.folder.iterdir()] == ["tiny.toml"]


def test_an_output_folder_that_cannot_be_made_ends_in_one_line_and_status_2(shell: Shell) -> None:
    (shell.folder / "taken").write_text("a file", "utf-8")
    done = shell("run", "tiny.toml", "--out", "taken/runs")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "taken/runs" in line
    assert sorted(path.name for path in shell.folder.iterdir()) == ["taken", "tiny.toml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to write-protected folders")
def test_a_write_protected_output_folder_ends_in_one_line_and_status_2(shell: Shell) -> None:
    protected = shell.folder / "protected"
    protected.mkdir(mode=0o500)
    done = shell("run", "tiny.toml", "--out", str(protected))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert list(protected.iterdir()) == []


def test_a_run_shows_progress_and_results_and_can_be_shown_again(shell: Shell) -> None:
    done = shell("run", "tiny.toml", "--set", "train.lr=0.05")
    assert done.returncode == 0, done.stderr
    assert "tiny: round 2/2" in done.stderr
    assert "tiny" in done.stdout
    shown, _, report = done.stdout.rstrip().rpartition("report: ")
    assert (shell.folder / report).read_text("utf-8").startswith("<!DOCTYPE html>")
    again = shell("show", str(shell.only_run()))
    assert again.stdout == shown
    assert "lr = 0.05" in (shell.only_run() / "scenario.toml").read_text("utf-8")
    (row,) = json.loads(shell("show", "--json", str(shell.only_run())).stdout)
    assert (row["run"], row["state"], row["round"]) == (shell.only_run().name, "complete", 2)


def stop_after_a_round(shell: Shell, number: signal.Signals) -> tuple[Path, subprocess.Popen[str]]:
    """A run of 20 rounds that got the signal after its first, and its folder."""
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, and so it is in processes started from here")
    process = shell.start("run", "tiny.toml", "--json", "--set", "run.rounds=20", "--out", "runs")
    assert process.stdout is not None
    while '"round_finished"' not in process.stdout.readline():
        assert process.poll() is None
    asked = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - asked < 10
    run = shell.only_run()
    assert errors.splitlines() == [f"fedprune: stopped; resume with: fedprune resume runs/{run.name}"]
    return run, process


def test_an_interrupted_run_says_how_to_go_on(shell: Shell) -> None:
    _, process = stop_after_a_round(shell, signal.SIGINT)
    assert process.returncode == 130


def test_a_terminated_run_goes_on_where_it_was_and_json_is_all_that_stdout_holds(shell: Shell) -> None:
    run, process = stop_after_a_round(shell, signal.SIGTERM)
    assert process.returncode == 143
    done = shell("resume", "--json", f"runs/{run.name}")
    assert done.returncode == 0, done.stderr
    began, *between, ended = (json.loads(line) for line in done.stdout.splitlines())
    assert (began["event"], ended["event"]) == ("run_started", "run_finished")
    assert 1 <= began["done"] < 20
    rounds = [line["round"] for line in between if line["event"] == "round_finished"]
    assert rounds == list(range(began["done"] + 1, 21))
    evaluated = [line for line in between if line["event"] == "client_evaluated"]
    assert len(evaluated) == evaluated[-1]["clients"]
    assert (run / "results.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "quickstrt"], "quickstrt: no such file or bundled scenario, did you mean 'quickstart'?"),
        (["run", "tiny.toml", "--set", "data.nam=a"], "--set data.nam: unknown key, did you mean 'name'?"),
        (["run", "tiny.toml", "./tiny.toml"], "is given twice; name each scenario once"),
        (["resume", "nowhere"], "nowhere is not a run folder"),
        (["show", "nowhere"], "nowhere is not a run folder"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_2(
    shell: Shell, arguments: list[str], said: str
) -> None:
    done = shell(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("fedprune: error: ")
    assert said in line
    assert [path.name for path in shell.folder.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run"], ["list", "fruits"], ["run", "--colour"]])
def test_a_wrong_command_line_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fedprune: error: ")
    assert re.search(r"; see fedprune( run| list)? --help$", line)


VERBS = [
    "run",
    "resume",
    "cut",
    "show",
    "watch",
    "report",
    "compare",
    "artifact",
    "tickets",
    "personalize",
    "bits",
    "list",
    "doctor",
]


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    assert f"Example: fedprune {verb}" in capsys.readouterr().out


def test_help_answers_at_once(shell: Shell) -> None:
    def seconds() -> float:
        # Of computing, not of waiting for other processes on the machine.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "fedprune run quickstart" in shell("--help").stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


def test_version_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"fedprune {fedprune.__version__}\n"


def test_list_names_everything_a_scenario_can_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert tuple(found) == LISTED
    assert all(line for group in found.values() for line in group.values())
    assert "sub_fedavg" in found["strategies"]
    assert "shards" in found["partitioners"]
    assert "quickstart" in found["scenarios"]


def test_list_of_one_kind_is_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "entropy_coders"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading == "entropy_coders"
    assert [line.split()[0] for line in lines] == sorted(plugins.names("entropy_coders"))


def test_doctor_ends_well(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(cache))
    assert main(["doctor"]) == 0
    assert "usable cores" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cache"]["writable"] == "yes"


def test_a_reader_that_leaves_early_is_no_error(shell: Shell) -> None:
    process = shell.start("list")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141
    process.stderr.close()


def test_a_failing_machine_is_one_line_and_status_1(shell: Shell) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command("list"), env=environment(shell.folder), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "fedprune: error: No space left on device"
