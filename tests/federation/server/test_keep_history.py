"""[run] keep_history: more stays in the run folder, and nothing else changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from fedprune import simulate
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from tests.conformance.battery import bits, carry, records, small

PRUNING = {"name": "sub_fedavg", "step": 0.5, "target": 0.7, "distance": 0.0, "gate": 0.0}


def remembering(keep: bool) -> Scenario:
    return small(PRUNING, run={"rounds": 6, "checkpoint_every": 1, "keep_history": keep})


def kept(folder: Path) -> dict[int, list[int]]:
    store = RunFolder.open(folder).server_state
    return {client: store.rounds(client) for client in range(6)}


def replied(folder: Path) -> dict[int, list[int]]:
    rows = records(folder, "clients.jsonl")
    return {client: [row["round"] for row in rows if row["client"] == client] for client in range(6)}


def test_every_accepted_mask_and_the_weights_of_checkpoints_stay(tmp_path: Path) -> None:
    forgetful, _ = carry(remembering(False), tmp_path / "without")
    mindful, _ = carry(remembering(True), tmp_path / "with")
    assert mindful.name == forgetful.name
    assert bits(mindful) == bits(forgetful)
    assert kept(mindful) == replied(mindful)
    assert kept(forgetful) != replied(forgetful)
    assert RunFolder.open(mindful).history.rounds() == [1, 2, 3, 4, 5, 6]
    assert not (forgetful / "history").exists()


def test_a_resumed_run_keeps_the_same_history(tmp_path: Path) -> None:
    whole, _ = carry(remembering(True), tmp_path)
    again = Path(shutil.copytree(whole, tmp_path / "again" / whole.name))
    shutil.rmtree(again / "checkpoints" / "round-000006")
    (again / "results.json").unlink()
    simulate.resume(again)
    assert bits(again) == bits(whole)
    assert kept(again) == kept(whole)
    ours, theirs = RunFolder.open(again).history, RunFolder.open(whole).history
    assert all((ours.load(5)[name] == value).all() for name, value in theirs.load(5).items())
