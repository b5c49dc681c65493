"""docs/data.md: every block is run as it stands, and every name and key in its tables is there."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from PIL import Image

import fedprune
from fedprune import plugins

TEXT = (Path(__file__).parent.parent / "docs" / "data.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = [block for language, block in BLOCKS if language == "python" and not block.startswith("# ")]
FILES = {
    block.split("\n", 1)[0].removeprefix("# "): block
    for _, block in BLOCKS
    if re.match(r"# \S+\.py\n", block)
}
SCENARIOS = [tomllib.loads(block) for language, block in BLOCKS if language == "toml"]
SMALL: dict[str, dict[str, Any]] = {
    "run": {"rounds": 1, "clients_per_round": 2},
    "partition": {"name": "iid", "clients": 4},
    "model": {"name": "mlp"},
    "train": {"epochs": 1},
    "engine": {"name": "in_process"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files that the page speaks of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    random = np.random.default_rng(0)
    for number in range(20):
        path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    numbers = {name: random.normal(size=80) for name in ("age", "weight", "dose")}
    polars.DataFrame({**numbers, "site": np.arange(80) % 4}).write_csv(tmp_path / "patients.csv")
    for name, block in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(block.split("\n", 1)[1], "utf-8")
    return tmp_path


def test_the_blocks_of_python_run_in_their_order(folder: Path) -> None:
    space: dict[str, Any] = {}
    for block in PYTHON:
        exec(block, space)
    # The last block's data are two splits of one table, and every block was a run of its own.
    assert len([path for path in (folder / "runs").iterdir() if (path / "results.json").exists()]) == 4


def _id(scenario: dict[str, Any]) -> str:
    return str(scenario.get("data", {}).get("name", "digits"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_id)
def test_every_scenario_of_the_page_runs(folder: Path, scenario: dict[str, Any]) -> None:
    (made,) = fedprune.run({**SMALL, **scenario})
    assert fedprune.load(made.folder).rounds.height == 1


def test_every_known_set_and_shift_is_named_with_its_keys() -> None:
    for name in plugins.names("datasets"):
        assert f"`{name}`" in TEXT
    for name in plugins.names("shifts"):
        (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |")]
        for field in dataclasses.fields(plugins.dataclass_of("shifts", name)):
            assert f"`{field.name}`" in line


def test_an_example_of_a_plug_in_is_short() -> None:
    assert {path.split("/")[0] for path in FILES if "/" in path} == {"partitioners", "shifts", "datasets"}
    assert all(block.count("\n") <= 40 for block in FILES.values())
