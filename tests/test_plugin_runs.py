"""Whole runs with a plug-in of the user's, by the command line and worker processes, from empty folders.

Processes of their own make the first run. What is typed afterwards is typed in this one, whose imports are
made: what it looks for, it looks for in the folder in which the user stands.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from fedprune import cli

Typed = Callable[..., tuple[int, str, list[str]]]

STRATEGY = '''"""Mine: the server keeps what it has."""
from dataclasses import dataclass
from fedprune import Strategy

@dataclass(frozen=True)
class Mine(Strategy):
    """Nothing is learned."""

    def aggregate(self, server, updates):
        return server.weights
'''

SCENARIO = """
run = { rounds = 1, clients_per_round = 2 }
data = { name = "digits" }
partition = { name = "iid", clients = 2 }
model = { name = "mlp" }
train = { epochs = 1 }
strategy = { name = "mine" }
engine = { workers = 1 }
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose scenario, beside its strategy, is elsewhere than the user stands."""
    base = tmp_path_factory.mktemp("plugins")
    (base / "study/strategies").mkdir(parents=True)
    (base / "study/strategies/mine.py").write_text(STRATEGY, "utf-8")
    (base / "study/mine.toml").write_text(SCENARIO, "utf-8")
    (base / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fedprune", "run", "../study/mine.toml"],
        cwd=base / "empty",
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "strategy 'mine' from " in done.stderr
    (results,) = (base / "empty/runs").glob("*/results.json")
    return results.parent


@pytest.fixture
def file(run: Path) -> Iterator[Path]:
    """The strategy's file, which is put back afterwards."""
    path = run.parents[2] / "study/strategies/mine.py"
    yield path
    path.write_text(STRATEGY, "utf-8")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """typed(folder, argument...): exit status, standard output and lines of standard error of a command."""

    def run(folder: Path, *arguments: str) -> tuple[int, str, list[str]]:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        status = cli.main(arguments)
        out, err = capsys.readouterr()
        return status, out, err.splitlines()

    return run


def test_a_scenarios_own_folder_is_searched_and_the_run_records_the_file(run: Path, file: Path) -> None:
    recorded = json.loads((run / "environment.json").read_text("utf-8"))["plugins"]
    assert recorded == [
        {
            "kind": "strategies",
            "name": "mine",
            "file": str(file),
            "folder": str(file.parents[1]),
            "sha256": sha256(STRATEGY.encode()).hexdigest(),
        }
    ]


def study(run: Path) -> Path:
    """The folder of the run's scenario."""
    return run.parents[2] / "study"


def test_a_run_goes_on_where_its_plug_in_is_and_says_so_elsewhere(
    run: Path, file: Path, typed: Typed
) -> None:
    assert typed(study(run), "resume", str(run))[0] == 0
    status, _, (line,) = typed(run.parents[1], "resume", str(run))
    assert status == 2
    assert line.endswith(f"strategy 'mine' came from {file}; go on from its folder: cd {file.parents[1]}")


def test_a_changed_plug_in_is_refused_unless_that_is_allowed(run: Path, file: Path, typed: Typed) -> None:
    file.write_text(STRATEGY + "\n# another version\n", "utf-8")
    status, _, lines = typed(study(run), "resume", str(run))
    assert status == 2
    assert f"strategy 'mine' ({file}) was changed since the run began" in lines[-1]
    assert typed(study(run), "resume", str(run), "--other-versions")[0] == 0


def test_a_complete_run_is_kept_and_a_changed_strategy_makes_another(
    run: Path, file: Path, typed: Typed
) -> None:
    before = (run / "results.json").stat().st_mtime_ns
    _, out, _ = typed(run.parents[1], "run", "../study/mine.toml", "--json")
    assert f"{run.name}: already complete, kept; --force" in out
    assert (run / "results.json").stat().st_mtime_ns == before
    file.write_text(STRATEGY.replace("server.weights", "{**server.weights}"), "utf-8")
    status, _, lines = typed(run.parents[1], "run", "../study/mine.toml")
    assert status == 0, lines
    assert not any("kept" in line for line in lines)
    assert len(list(run.parent.glob("mine-*-s0"))) == 2


def test_a_plug_in_that_is_gone_is_named(run: Path, file: Path, typed: Typed) -> None:
    file.unlink()
    status, _, lines = typed(study(run), "resume", str(run))
    assert status == 2
    assert lines[-1].endswith(f"strategy 'mine' came from {file}, which is gone: put it back")
