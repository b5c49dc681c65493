"""An artifact is unpacked in an empty folder and repeated by its one command, to the bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fedprune import simulate
from fedprune.artifact import pack
from fedprune.plugins import reaching
from fedprune.runs.files import RunError

STRATEGY = '''"""Mine."""
from dataclasses import dataclass
from fedprune import Strategy
from fp_artifact_helper import SHARE

@dataclass(frozen=True)
class Mine(Strategy):
    """Keeps a part of what it had."""

    def aggregate(self, server, updates):
        mean = super().aggregate(server, updates)
        return {name: SHARE * old + (1 - SHARE) * mean[name] for name, old in server.weights.items()}
'''

SCENARIO = """
run = { name = "tiny", rounds = 2, clients_per_round = 2 }
partition = { name = "iid", clients = 4 }
model = { name = "mlp" }
train = { epochs = 1, batch_size = 100 }
strategy = { name = "mine" }
engine = { workers = 1 }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The scenario's folder, and a finished run of a strategy of the user's that imports a module of his."""
    base = tmp_path_factory.mktemp("study")
    (base / "strategies").mkdir()
    (base / "strategies/mine.py").write_text(STRATEGY)
    (base / "fp_artifact_helper.py").write_text("SHARE = 0.5\n")
    (base / "tiny.toml").write_text(SCENARIO)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(base))
        patch.setenv("PYTHONPATH", str(base), prepend=":")
        (result,) = simulate.run(base / "tiny.toml", out=base / "runs")
        with reaching([base]):
            pack([result.folder], base / "artifact.zip")
    return base, result.folder


def repeated(folder: Path) -> subprocess.CompletedProcess[str]:
    """The artifact's one command, in a process that knows no folder but those of installed packages."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "repeat.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_an_unpacked_artifact_is_repeated_to_the_bit_by_one_command(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    base, run = made
    with zipfile.ZipFile(base / "artifact.zip") as archive:
        archive.extractall(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md",
        "artifact.json",
        "code",
        "repeat.py",
        "requirements.txt",
        "runs",
    }
    assert (tmp_path / "code/strategies/mine.py").read_text() == STRATEGY
    assert (tmp_path / "code/fp_artifact_helper.py").is_file()
    done = repeated(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{run.name}: equal to the bit\n"
    # Other code of the user's gives other bits, and a packed file that was changed is told first.
    (tmp_path / "code/fp_artifact_helper.py").write_text("SHARE = 0.25\n")
    done = repeated(tmp_path)
    assert done.returncode == 2
    assert "code/fp_artifact_helper.py is not the file that was packed" in done.stderr


def test_a_run_that_comes_out_otherwise_is_told_with_what_differs(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    base, run = made
    with zipfile.ZipFile(base / "artifact.zip") as archive:
        archive.extractall(tmp_path)
    results = tmp_path / "runs" / run.name / "results.json"
    results.write_text(json.dumps({**json.loads(results.read_text()), "density": 0.25}))
    manifest = json.loads((tmp_path / "artifact.json").read_text())
    del manifest["sha256"][f"runs/{run.name}/results.json"]
    (tmp_path / "artifact.json").write_text(json.dumps(manifest))
    done = repeated(tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{run.name}: differs",
        "  results.json, line 1: density is 0.25, then 1.0",
    ]


def test_the_versions_of_all_that_is_installed_are_locked(made: tuple[Path, Path]) -> None:
    import torch

    with zipfile.ZipFile(made[0] / "artifact.zip") as archive:
        lines = archive.read("requirements.txt").decode().splitlines()
    # A build tag, "+cpu", stands in the version of the installed package.
    assert any(
        line.lstrip("# ").startswith(f"torch=={torch.__version__.partition('+')[0]}") for line in lines
    )
    assert not any(line.startswith("fedprune==") for line in lines)


def test_equal_runs_make_equal_archives_that_leave_out_caches(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    base, run = made
    with pytest.MonkeyPatch.context() as patch, reaching([base]):
        patch.syspath_prepend(str(base))
        pack([run], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (base / "artifact.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        names = archive.namelist()
    assert not [name for name in names if "__pycache__" in name or "/checkpoints/" in name]
    assert "code/fedprune/strategies/fedavg.py" in names


def test_what_cannot_be_repeated_is_refused(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, run = made
    monkeypatch.syspath_prepend(str(base))
    with pytest.raises(RunError, match=r"a name that ends in \.zip"):
        pack([run], tmp_path / "artifact.tar")
    with reaching([base]), pytest.raises(RunError, match="give each run once"):
        pack([run, run], tmp_path / "artifact.zip")
    with reaching([tmp_path]), pytest.raises(RunError, match="strategy 'mine' came from"):
        pack([run], tmp_path / "artifact.zip")
    (base / "strategies/mine.py").write_text(STRATEGY + "# changed\n")
    try:
        with reaching([base]), pytest.raises(RunError, match="was changed since the run began"):
            pack([run], tmp_path / "artifact.zip")
    finally:
        (base / "strategies/mine.py").write_text(STRATEGY)
    assert not (tmp_path / "artifact.zip").exists()
