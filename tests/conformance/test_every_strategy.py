"""What every strategy promises: the same bits however it is run and stopped, honest bytes, lone failures."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import simulate
from fedprune.federation.experiment import open_experiment
from fedprune.federation.finished import FinishedFederation
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import TooFewRepliesError
from fedprune.progress import Progress
from fedprune.runs.arrays import unpack
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import METRICS
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.tickets.training import score_on_test_data

from .battery import BUFFERED, CASES, Carried, bits, carry, last_versions, records, results, small

Undisturbed = Callable[[str], Carried]


def sampled_in(scenario: Scenario, round: int) -> list[int]:
    """The clients that a run samples in a round."""
    return Federation(scenario, "", VersionedStore(Path())).sample(round)


def test_one_and_two_workers_give_the_bits_of_this_process(
    workers: int, case: str, by_workers: Callable[[int], dict[str, Path]], undisturbed: Undisturbed
) -> None:
    assert bits(by_workers(workers)[case]) == bits(undisturbed(case)[0])


class StopAfter(Progress):
    """Interrupts a run after a round, as a keyboard would."""

    def __init__(self, round: int) -> None:
        self._round = round

    def round_finished(self, record: Mapping[str, Any]) -> None:
        if record["round"] == self._round:
            raise KeyboardInterrupt


def test_a_run_stopped_after_each_round_and_resumed_gives_the_same_bits(
    case: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    scenario = CASES[case]
    with pytest.raises(KeyboardInterrupt):
        simulate.run(scenario, out=tmp_path, progress=StopAfter(1))
    folder = tmp_path / scenario.run_id()
    with pytest.raises(KeyboardInterrupt):
        simulate.resume(folder, progress=StopAfter(2))
    assert len(read_lines(folder / "rounds.jsonl")) == 2
    simulate.resume(folder)
    assert bits(folder) == bits(undisturbed(case)[0])


def test_a_run_thrown_back_to_an_older_checkpoint_gives_the_same_bits(
    case: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    finished, _ = undisturbed(case)
    folder = Path(shutil.copytree(finished, tmp_path / finished.name))
    # What is left of round 3 (logs, versions of state) is as a kill before its checkpoint leaves it.
    shutil.rmtree(folder / "checkpoints" / "round-000003")
    (folder / "results.json").unlink()
    simulate.resume(folder)
    assert bits(folder) == bits(finished)


def test_a_client_s_model_taken_from_the_folder_scores_as_the_run_reported(
    case: str, undisturbed: Undisturbed
) -> None:
    folder, _ = undisturbed(case)
    run = FinishedFederation(RunFolder.open(folder))
    keeps = run.experiment.strategy.keeps_model
    for row in records(folder, "final.jsonl"):
        held = run.held(row["client"])
        found = score_on_test_data(run.experiment, row["client"], held.weights, held.mask)
        assert found == row["test_score_personal" if keeps else "test_score_received"], row["client"]


def test_every_record_has_exactly_the_documented_fields(case: str, undisturbed: Undisturbed) -> None:
    folder, _ = undisturbed(case)
    for name in ("rounds.jsonl", "clients.jsonl", "final.jsonl"):
        for row in read_lines(folder / name):
            assert set(row) == set(METRICS[name])
    assert set(results(folder)) == set(METRICS["results.json"])


def test_reported_bytes_are_what_the_transport_was_handed(case: str, undisturbed: Undisturbed) -> None:
    folder, counted = undisturbed(case)
    rows = read_lines(folder / "rounds.jsonl")
    for row in rows if case not in BUFFERED else ():  # its orders are not all of the round that counts them
        assert row["bytes_down"] == counted.down[row["round"]]
        assert row["bytes_up"] == counted.up[row["round"]]
    for direction in ("bytes_down", "bytes_up"):
        parts = [f"{direction}_{part}" for part in ("values", "mask", "side", "overhead")]
        by_client = read_lines(folder / "clients.jsonl")
        assert all(row[direction] == sum(row[part] for part in parts) for row in rows + by_client)
        assert sum(row[direction] for row in by_client) == sum(row[direction] for row in rows)
        assert results(folder)[f"{direction}_total"] == sum(row[direction] for row in rows)


def test_both_sides_know_the_same_mask_and_pruned_weights_are_zero(
    case: str, undisturbed: Undisturbed
) -> None:
    folder, _ = undisturbed(case)
    experiment = open_experiment(CASES[case].client_settings(), None)
    versions = {path: unpack(data) for path, data in last_versions(folder).items()}
    for path, state in versions.items():
        if "clients" not in path:
            continue
        rooms: dict[str, dict[str, Any]] = {}
        for key, value in state.items():
            room, name = key.split(":", 1)
            rooms.setdefault(room, {})[name] = value
        for name, kept in rooms.get("mask", {}).items():
            assert kept.shape == experiment.architecture.shapes[name]
            assert not rooms.get("weights", {}).get(name, np.zeros_like(kept))[~kept].any()
        shared, server = rooms.get("shared", {}), versions.get(path.replace("clients", "server"), {})
        masks = {name.removeprefix("shared:") for name in server if name.startswith("shared:")}
        assert shared.keys() == masks == (experiment.maskable.keys() if shared else set())
        assert all(np.array_equal(server[f"shared:{name}"], kept) for name, kept in shared.items())


def test_both_sides_hold_and_track_the_same_bits(case: str, undisturbed: Undisturbed) -> None:
    folder, _ = undisturbed(case)
    versions = {path: unpack(data) for path, data in last_versions(folder).items()}
    found = set()
    for path, state in versions.items():
        other = versions.get(path.replace("clients", "server"), {})
        for key in {*state, *other} if "clients" in path else ():
            if key.startswith(("held:", "up:", "down:")):
                assert state[key].tobytes() == other[key].tobytes()
                found.add(key.partition(":")[0])
    section = CASES[case]
    assert ("held" in found) == (section.downlink.base != "weights")
    assert ("up" in found) == (section.uplink.base == "tracked")
    assert ("down" in found) == (section.downlink.base == "tracked")


def test_some_strategy_prunes_so_that_masks_are_put_to_the_test(undisturbed: Undisturbed) -> None:
    assert any(results(undisturbed(case)[0])["density"] < 1 for case in CASES)


def test_a_client_that_fails_leaves_no_trace(disturbed: str, tmp_path: Path) -> None:
    scenario = CASES[disturbed]
    # It was there before and comes again, so that what it keeps counts.
    sampled = [set(sampled_in(scenario, round)) for round in (1, 2, 3)]
    fault = (min(set.intersection(*sampled)), 2)
    failed, _ = carry(scenario, tmp_path / "failed", faults=[fault])
    absent, _ = carry(scenario, tmp_path / "absent", skip=[fault])
    rows = records(failed, "rounds.jsonl")
    assert [row["failed"] for row in rows] == [
        [],
        [{"client": fault[0], "reason": "RuntimeError: a fault in the test", "fate": "crashed"}],
        [],
    ]
    assert fault[0] in rows[1]["clients"]
    told = ("clients", "failed", "bytes_down", "bytes_down_values", "bytes_down_mask", "bytes_down_side")
    spent = (*told, "bytes_down_overhead", "bytes_up", "bytes_up_overhead")
    without = [{key: value for key, value in row.items() if key not in spent} for row in rows]
    theirs = records(absent, "rounds.jsonl")
    assert without == [{key: value for key, value in row.items() if key not in spent} for row in theirs]
    mine, other = bits(failed), bits(absent)
    for found in (mine, other):
        found.pop("rounds")
        for total in ("bytes_up_total", "bytes_down_total", "replies_crashed"):
            found["results"].pop(total)
    assert mine == other


def test_too_few_replies_end_a_run_with_the_reasons_and_a_resume_goes_on(
    disturbed: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    scenario = CASES[disturbed]
    sampled = sampled_in(scenario, 2)
    with pytest.raises(TooFewRepliesError) as caught:
        carry(scenario, tmp_path, faults=[(client, 2) for client in sampled[1:]])
    line = str(caught.value)
    assert line.startswith("round 2: 1 of 4 replies count, the quorum is 2: ")
    assert f"client {sampled[1]} and 2 more: RuntimeError: a fault in the test" in line
    assert "\n" not in line
    assert [row["round"] for row in records(tmp_path / scenario.run_id(), "rounds.jsonl")] == [1]
    resumed, _ = carry(scenario, tmp_path)
    assert bits(resumed) == bits(undisturbed(disturbed)[0])


def losses(folder: Path) -> list[float]:
    """Those of all clients and rounds in which an epoch was trained."""
    rows = records(folder, "clients.jsonl")
    return [row["train_loss"] for row in rows if row["train_loss"] is not None]


def test_clients_of_a_single_sample_take_part(strategy: str, tmp_path: Path) -> None:
    alone = {"shards_per_client": 1, "shard_size": 1}
    folder, _ = carry(small({"name": strategy}, partition=alone, run={"rounds": 2}), tmp_path)
    rows = records(folder, "clients.jsonl")
    assert len(rows) == 8
    assert {row["samples"] for row in rows} == {1}
    assert all(map(math.isfinite, losses(folder)))
    assert results(folder)["test_score_trained"] is not None


def test_clients_that_diverge_are_reported(strategy: str, tmp_path: Path) -> None:
    scenario = small({"name": strategy}, train={"lr": 1e9})
    try:
        folder, _ = carry(scenario, tmp_path)
    except TooFewRepliesError as error:
        line = str(error)
    else:
        # A method that does not train weights (but masks) has nothing that could become infinite.
        assert all(map(math.isfinite, losses(folder)))
        return
    assert re.search(r"client \d+( and \d more)?: .*training diverged in epoch [12] .*lower train.lr", line)
