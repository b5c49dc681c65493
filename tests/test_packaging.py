"""The wheel: everything that a run needs is in it, and nothing that was merely lying about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import fedprune

CHECKOUT = Path(fedprune.__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what installing the wheel puts into site-packages."""
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="needs hatchling, which [dev] installs")
    if not (CHECKOUT / "pyproject.toml").is_file():
        pytest.skip("needs fedprune's own source tree")
    target = tmp_path_factory.mktemp("site")
    builder = wheel.WheelBuilder(str(CHECKOUT))
    (built,) = builder.build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(target)
    return target


def files(folder: Path, pattern: str = "*") -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_all_modules_strategies_and_scenarios_and_nothing_else(unpacked: Path) -> None:
    bundled = files(CHECKOUT / "strategies", "*.py"), files(CHECKOUT / "scenarios", "*.toml")
    wanted = files(CHECKOUT / "fedprune")
    wanted |= {f"strategies/{name}" for name in bundled[0]} | {f"scenarios/{name}" for name in bundled[1]}
    assert all(bundled)
    assert files(unpacked / "fedprune") == wanted
    package, metadata = sorted(unpacked.iterdir(), key=lambda path: len(path.name))
    assert package.name == "fedprune"
    assert metadata.suffix == ".dist-info"
    assert "fedprune = fedprune.cli:main" in (metadata / "entry_points.txt").read_text("utf-8")


def test_an_installed_wheel_finds_its_own_strategies_and_scenarios(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "import fedprune, json\n"
        "from fedprune import plugins\n"
        "runs = fedprune.load_scenarios('quickstart')\n"
        "homes = [plugins.load('strategies', run.strategy.name).__file__ for run in runs]\n"
        "print(json.dumps([fedprune.__file__, *homes]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    homes = json.loads(done.stdout)
    assert len(homes) > 2
    assert all(Path(home).is_relative_to(unpacked / "fedprune") for home in homes)
