"""The app for ``flwr run``: which run its configuration means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flwr.app import Context, RecordDict

from fedprune.federation.flower.server_app import configured_run
from fedprune.types import UserError


def context(runs: Path, **config: Any) -> Context:
    defaults = {"scenario": "quickstart", "member": 0, "overrides": "", "runs": str(runs), "data": ""}
    return Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config={**defaults, **config})


@pytest.mark.parametrize("which", [2, "2", "sub_fedavg unstructured"])
def test_a_member_of_the_sweep_is_named_by_index_or_label(tmp_path: Path, which: int | str) -> None:
    with configured_run(context(tmp_path, member=which, overrides="run.rounds=3  train.lr=0.02")) as opened:
        folder, scenario = opened
        assert scenario.label == "sub_fedavg unstructured"
        assert (scenario.run.rounds, scenario.train.lr) == (3, 0.02)
        assert folder.path == tmp_path / scenario.run_id()
        assert folder.read_status()["state"] == "running"
    with configured_run(context(tmp_path, member=which, overrides="run.rounds=3 train.lr=0.02")) as again:
        assert again[0].path == folder.path


def test_an_unknown_member_is_told_which_there_are_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"no member '7'; known: 0 \(standalone\), 1 \(fedavg\)"),
        configured_run(context(tmp_path / "runs", member=7)),
    ):
        pass
    assert not (tmp_path / "runs").exists()


def test_the_data_folder_of_the_run_is_the_scenarios(tmp_path: Path) -> None:
    with configured_run(context(tmp_path, data=str(tmp_path / "data"))) as (_, scenario):
        assert scenario.data.root == str(tmp_path / "data")
