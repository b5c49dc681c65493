"""Whole runs on data of the user's own, with worker processes, and going on with them later."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import fedprune
from fedprune.data import cache
from fedprune.federation import experiment

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
SMALL: dict[str, dict[str, Any]] = {
    "run": {"rounds": 2, "clients_per_round": 2, "checkpoint_every": 1},
    "partition": {"name": "iid", "clients": 4},
    "model": {"name": "mlp"},
    "train": {"epochs": 1},
    "engine": {"name": "in_process"},
}


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def rounds(folder: Path) -> polars.DataFrame:
    return fedprune.load(folder).rounds


def test_arrays_in_memory_reach_the_workers_and_the_run_records_their_hash() -> None:
    (made,) = fedprune.run({**SMALL, "engine": {"workers": 1}}, data=(X, Y))
    assert rounds(made.folder).height == 2
    scenario = (made.folder / "scenario.toml").read_text("utf-8")
    assert 'name = "memory"' in scenario
    (entry,) = cache.cache_folder("contents").iterdir()
    assert f'content = "{entry.name}"' in scenario
    # The same data are the same run, which is complete; others are another.
    (again,) = fedprune.run(SMALL, data=(X.copy(), Y))
    (other,) = fedprune.run(SMALL, data=(X + 1, Y))
    assert again.folder == made.folder != other.folder


def test_a_run_on_data_in_memory_goes_on_without_them_unless_the_cache_was_emptied() -> None:
    (made,) = fedprune.run(SMALL, data=(X, Y))
    assert fedprune.resume(made.folder).metrics == made.metrics
    status = made.folder / "status.json"
    status.write_text(status.read_text("utf-8").replace("complete", "running"), "utf-8")
    shutil.rmtree(cache.cache_folder("contents"))
    experiment._opened.cache_clear()  # as in a new process
    with pytest.raises(fedprune.UserError, match=r"hand them over again: fedprune.run"):
        fedprune.resume(made.folder)


def test_a_folder_of_ones_own_and_a_function_are_read_by_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = polars.DataFrame({"a": X[:, 0], "b": X[:, 1], "ill": Y, "site": np.arange(200) % 4})
    (tmp_path / "my data").mkdir()
    frame.write_csv(tmp_path / "my data/patients.csv")
    natural = {**SMALL, "partition": {"name": "natural", "clients": 4, "test": "natural"}}
    data = {"name": "./my data/patients.csv", "target": "ill", "client": "site"}
    (made,) = fedprune.run({**natural, "data": data})
    assert rounds(made.folder).height == 2
    (tmp_path / "clinics.py").write_text(
        "import numpy\n"
        "def patients():\n"
        "    x = numpy.random.default_rng(0).normal(size=(90, 3))\n"
        "    return x, (x[:, 0] > 0)\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (made,) = fedprune.run({**SMALL, "data": {"name": "clinics:patients"}})
    assert rounds(made.folder).height == 2


def test_whole_numbers_are_values_where_the_scenario_says_so() -> None:
    days = (10 * X[:, 0]).astype(np.int64)
    for data in ((X, days), polars.DataFrame({"a": X[:, 0], "days": days})):
        target = {"data": {"target": "days"}} if isinstance(data, polars.DataFrame) else {}
        (made,) = fedprune.run({**SMALL, **target, "task": {"name": "regression"}}, data=data)
        assert made.metrics["score"] == "mean absolute error"
