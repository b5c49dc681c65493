"""Two run folders count as equal exactly when no bit of a result differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from .differences import compare, renamed

ROUND = {"round": 1, "seconds": 2.0, "train_loss": 0.5, "bytes_up": 100, "bytes_up_overhead": 10}
ROUND |= {"bytes_down": 50, "bytes_down_overhead": 5}
RESULTS = {"bytes_up_total": 100, "bytes_down_total": 50, "bytes_to_target": 150, "seconds_total": 2.0}
WEIGHTS = np.array([0.0, 1.0, 2.0], np.float32)

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """written(name, round, results, weights, state): a run folder of one round and one client."""

    def write(
        name: str,
        round: dict[str, Any] = ROUND,
        results: dict[str, Any] = RESULTS,
        weights: np.ndarray[Any, Any] = WEIGHTS,
        state: int = 1,
    ) -> Path:
        folder = tmp_path / name
        (folder / "final").mkdir(parents=True)
        (folder / "state" / "clients" / "0").mkdir(parents=True)
        (folder / "rounds.jsonl").write_text(json.dumps(round) + "\n")
        (folder / "results.json").write_text(json.dumps(results))
        save_file({"fc.weight": weights}, folder / "final" / "weights.safetensors")
        save_file({"fc.weight": WEIGHTS}, folder / "state" / "clients" / "0" / f"{state}.safetensors")
        return folder

    return write


def test_runs_that_differ_only_by_the_clock_are_equal(written: Written) -> None:
    later = {**ROUND, "seconds": 9.0}, {**RESULTS, "seconds_total": 9.0}
    assert compare(written("old"), written("new", *later)).differences == ()


def test_one_bit_of_a_weight_or_of_a_loss_is_told(written: Written) -> None:
    old, near = written("old"), float(np.nextafter(0.5, 1))
    # Equal as numbers, and yet another bit.
    found = compare(old, written("minus", weights=np.array([-0.0, 1, 2], np.float32)))
    (told,) = found.differences
    assert told == "final/weights.safetensors fc.weight: 1 of 3 values differ, first 0.0 -> -0.0"
    (told,) = compare(old, written("near", {**ROUND, "train_loss": near})).differences
    assert told == f"rounds.jsonl:1 train_loss: 0.5 -> {near}"


def test_a_state_that_is_missing_or_of_another_round_is_told(written: Written) -> None:
    old, new = written("old"), written("new", state=2)
    assert compare(old, new).differences == ("state/clients/0 version 1 -> 2",)
    (new / "state" / "clients" / "0" / "2.safetensors").unlink()
    (new / "state" / "clients" / "0").rmdir()
    assert compare(old, new).differences == ("state/clients/0 only the old run has it",)


def test_an_array_without_a_room_is_the_same_array(tmp_path: Path) -> None:
    for name, called in (("old", "fc.weight"), ("new", "shared:fc.weight")):
        folder = tmp_path / name / "state" / "server" / "0"
        folder.mkdir(parents=True)
        save_file({called: WEIGHTS}, folder / "1.safetensors")
    assert compare(tmp_path / "old", tmp_path / "new").differences == ()


def test_overhead_is_told_apart_from_other_bytes(written: Written) -> None:
    old = written("old")
    longer = {**ROUND, "bytes_down": 52, "bytes_down_overhead": 7}
    totals = {**RESULTS, "bytes_down_total": 52, "bytes_to_target": 152}
    found = compare(old, written("longer", longer, totals))
    assert (found.differences, found.overhead) == ((), (15, 17))
    values = {**ROUND, "bytes_down": 52}, {**RESULTS, "bytes_down_total": 52}
    found = compare(old, written("values", *values))
    assert found.differences == (
        "rounds.jsonl:1 bytes_down: 45 -> 47",
        "results.json:1 bytes_down_total: 45 -> 47",
    )


def test_a_renamed_field_is_the_same_field() -> None:
    table = {"test_accuracy_": "test_score_", "gate_accuracy": "gate_score"}
    assert renamed("test_accuracy_after_std", table) == "test_score_after_std"
    assert renamed("test_score_after_std", table) == "test_score_after_std"
    assert renamed("my_gate_accuracy", table) == "my_gate_accuracy"
