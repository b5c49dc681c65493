"""The end of a run: after all rounds, or when validation accuracy has been no better for long enough."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from fedprune import simulate
from fedprune.scenario import Scenario
from tests.conformance.battery import bits, carry, records, results, small


def impatient(rounds: int, patience: int | None) -> Scenario:
    run: dict[str, Any] = {"rounds": rounds, "patience": patience} if patience else {"rounds": rounds}
    return small({"name": "fedavg"}, run=run, partition={"validation": 0.2}, train={"lr": 1e-6})


def test_a_run_out_of_patience_ends_as_if_it_had_been_asked_for_fewer_rounds(tmp_path: Path) -> None:
    """At a learning rate next to nothing no round is better than chance lets it be."""
    folder, _ = carry(impatient(9, 1), tmp_path)
    rows = records(folder, "rounds.jsonl")
    accuracies = [row["validation_score"] for row in rows]
    better = [after > max(accuracies[:at]) for at, after in enumerate(accuracies) if at]
    assert better == [True] * (len(rows) - 2) + [False]
    assert len(rows) < 9
    assert results(folder)["rounds"] == len(rows)
    shorter, _ = carry(impatient(len(rows), None), tmp_path)
    unwatched = {"bytes_down_total", "bytes_up_total", "seconds_total"}
    found, expected = ({**results(each)} for each in (folder, shorter))
    assert all(found[key] == expected[key] for key in found.keys() - unwatched)
    assert all(row["validation_score"] is None for row in records(shorter, "rounds.jsonl"))
    # What is left of the last round is as a kill before its checkpoint leaves it.
    again = Path(shutil.copytree(folder, tmp_path / "again" / folder.name))
    shutil.rmtree(again / "checkpoints" / f"round-{len(rows):06d}")
    (again / "results.json").unlink()
    simulate.resume(again)
    assert bits(again) == bits(folder)


def test_validation_score_is_the_mean_over_the_sampled_clients(tmp_path: Path) -> None:
    folder, _ = carry(impatient(2, 2), tmp_path)
    for row in records(folder, "rounds.jsonl"):
        own = [
            client["validation_score"]
            for client in records(folder, "clients.jsonl")
            if client["round"] == row["round"]
        ]
        assert len(own) == 4
        assert row["validation_score"] == sum(own) / 4
