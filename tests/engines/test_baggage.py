"""A node of a cluster gets the user's code and data that only the driver's machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fedprune.data.memory import keep, kept
from fedprune.engines.baggage import packed, unpack


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy, what it imports, and a module that a scenario names by its path."""
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "driver"))
    folder = tmp_path / "mine"
    for name, text in {
        "strategies/own.py": "import helper_of_own\n",
        "strategies/notes.txt": "not code",
        "helper_of_own.py": "",
        "nets/__init__.py": "",
        "nets/small.py": "class Net: ...\n",
        "runs/large.py": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(folder)
    return folder


def test_code_that_is_needed_and_no_other_goes_to_where_imports_find_it(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baggage = packed(str(mine), "nets.small:Net", "")
    assert sorted(baggage.code) == [
        "0/strategies/own.py",
        "modules/helper_of_own.py",
        "modules/nets/__init__.py",
        "modules/nets/small.py",
        "modules/strategies/own.py",
    ]
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "node"))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(mine)])
    for _ in range(2):
        there = unpack(baggage, str(mine))
    assert Path(there, "strategies", "own.py").read_text() == "import helper_of_own\n"
    done = subprocess.run(
        [sys.executable, "-c", "import nets.small, helper_of_own; print(nets.small.Net.__name__)"],
        env={**os.environ, "PYTHONPATH": sys.path[-1]},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Net\n", done.stderr


def test_data_handed_over_in_memory_are_in_the_nodes_cache(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = np.arange(120, dtype=np.float32).reshape(60, 2), np.array([0, 1] * 30)
    content = keep((x, y))
    baggage, here = packed("", "", content), kept(content).train_x
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "node"))
    assert unpack(baggage, "") == ""
    assert np.array_equal(kept(content).train_x, here)
