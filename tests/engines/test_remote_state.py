"""Clients' state kept by a service is what a store beside the run would hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune.engines.remote_state import RemoteStore, StateService
from fedprune.federation.flower.keys import BESIDE_SERVER, RUNS
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder


@pytest.fixture
def service(tmp_path: Path) -> StateService:
    RunFolder.create(tmp_path, "run", "", "0" * 12, False).__exit__(None, None, None)
    return StateService({RUNS: str(tmp_path), BESIDE_SERVER: True})


def store(service: StateService, worker: int = 1, run: str = "run") -> RemoteStore:
    def ask(method: str, *arguments: Any) -> Any:
        return getattr(service, method)(*arguments)

    return RemoteStore(ask, worker, run)


def test_a_version_is_read_by_another_worker_and_lies_in_the_run_folder(
    service: StateService, tmp_path: Path
) -> None:
    arrays = {"b": np.arange(3.0), "a": np.zeros((2, 0), np.float32)}
    store(service).save(4, 2, arrays)
    found = store(service, worker=2).load(4, 2)
    assert list(found) == ["b", "a"]
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert RunFolder(tmp_path / "run").client_state.rounds(4) == [2]
    assert store(service).load(4, 0) == {}


def test_what_was_not_accepted_is_collected(service: StateService, tmp_path: Path) -> None:
    for round in (1, 2):
        store(service).save(0, round, {"a": np.ones(1)})
    store(service).collect(0, 1, 0)
    assert RunFolder(tmp_path / "run").client_state.rounds(0) == [1]


def test_a_missing_version_and_another_run_are_told_in_one_line(service: StateService) -> None:
    with pytest.raises(RunError, match="state of client 0 after round 3 cannot be read"):
        store(service).load(0, 3)
    with pytest.raises(RunError):
        store(service, run="other").save(0, 1, {"a": np.ones(1)})


def test_a_worker_that_was_given_up_changes_nothing_any_more(service: StateService, tmp_path: Path) -> None:
    store(service).save(0, 1, {"a": np.ones(1)})
    service.end(1)
    for change in (lambda: store(service).save(0, 2, {}), lambda: store(service).collect(0, 0, 0)):
        with pytest.raises(RunError, match="given up"):
            change()
    assert RunFolder(tmp_path / "run").client_state.rounds(0) == [1]


def test_a_machine_outside_of_the_driver_s_makes_a_folder_of_its_own(tmp_path: Path) -> None:
    elsewhere = StateService({RUNS: str(tmp_path / "head")})
    store(elsewhere).save(1, 1, {"a": np.ones(2)})
    assert list(store(elsewhere).load(1, 1)) == ["a"]
