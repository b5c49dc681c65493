"""What the command line says of a run whose final evaluation lacks clients: table, report and exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fedprune.cli import main

STRATEGY = '''"""FedAvg, except that client 1 has no disk at the end until it is mended."""
from dataclasses import dataclass
from pathlib import Path
from fedprune import Strategy

@dataclass(frozen=True)
class Mine(Strategy):
    """Learns, but cannot be tested."""

    def before_training(self, client):
        if client.final and client.id == 1 and not Path("mended").exists():
            raise RuntimeError("no disk")
'''
SCENARIO = """
run = { rounds = 1, clients_per_round = 2 }
partition = { name = "iid", clients = 3 }
model = { name = "mlp" }
train = { epochs = 1 }
strategy = { name = "mine" }
engine = { name = "in_process" }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies/mine.py").write_text(STRATEGY, "utf-8")
    (tmp_path / "mine.toml").write_text(SCENARIO, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def only_run() -> str:
    (path,) = Path("runs").glob("*/scenario.toml")
    return str(path.parent)


def status(run: str) -> dict[str, object]:
    return {key: json.loads(Path(run, "status.json").read_text())[key] for key in ("state", "missing")}


def test_below_the_quorum_the_run_fails_with_the_reason_and_a_resume_completes_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "mine.toml"]) == 2
    run, said = only_run(), capsys.readouterr().err.splitlines()[-1]
    assert "2 of 3 clients answered, the quorum is 3: client 1: RuntimeError: no disk" in said
    assert said.endswith(f"fedprune resume {run}")
    assert status(run) == {"state": "failed", "missing": 1}
    assert main(["show", run]) == 0
    assert "failed at 1/1, 1 client missing" in capsys.readouterr().out
    (folder / "mended").touch()
    assert main(["resume", run]) == 0
    assert "missing" not in capsys.readouterr().out


def test_within_the_quorum_the_run_has_results_and_says_whom_they_lack(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "mine.toml", "--set", "evaluate.quorum=0.5"]) == 3
    run, told = only_run(), capsys.readouterr()
    assert "1 client missing" in told.out
    assert told.err.splitlines()[-1] == (
        "fedprune: error: 1 client is missing from the final evaluation; "
        f"ask again with: fedprune resume {run}"
    )
    assert status(run) == {"state": "complete", "missing": 1}
    (report,) = Path("runs/reports").glob("*.html")
    assert "1 client missing" in report.read_text("utf-8")
    assert "final evaluation: RuntimeError: no disk" in report.read_text("utf-8")
    (folder / "mended").touch()
    assert main(["resume", run]) == 0
    assert "missing" not in capsys.readouterr().out
    assert json.loads(Path(run, "results.json").read_text("utf-8"))["missing"] == []
