"""A million clients cost what a thousand do: only who is asked leaves anything, in memory or on the disk."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from fedprune import simulate
from fedprune.runs.checkpoint import latest_checkpoint
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from tests.conformance.battery import PRUNING, SMALL

SAMPLED, ROUNDS, EVALUATED = 2, 2, 3


def population(clients: int, rounds: int = ROUNDS) -> Scenario:
    drawn = {"name": "drawn", "clients": clients, "alpha": 0.5, "samples_per_client": 20}
    return Scenario.from_dict(
        {
            **SMALL,
            "strategy": PRUNING,
            "run": {**SMALL["run"], "name": f"of-{clients}", "rounds": rounds, "clients_per_round": SAMPLED},
            "partition": {**drawn, "test": "partition"},
            "evaluate": {"every": 0, "clients": EVALUATED},
        }
    )


def test_a_run_of_a_million_clients_leaves_what_those_leave_who_took_part(tmp_path: Path) -> None:
    (result,) = simulate.run(population(1_000_000), out=tmp_path)
    took_part = {line["client"] for line in read_lines(result.folder / "clients.jsonl")}
    assert len(took_part) <= SAMPLED * ROUNDS
    assert max(took_part) > 100_000
    for side in ("clients", "server"):
        kept = {int(path.parent.name) for path in (result.folder / "state" / side).glob("*/*/*")}
        assert kept <= took_part
    assert len(read_lines(result.folder / "final.jsonl")) == EVALUATED
    files = [path for path in result.folder.rglob("*") if path.is_file()]
    assert len(files) < 60
    assert max(path.stat().st_size for path in files if path.suffix in (".json", ".jsonl")) < 100_000
    folder = RunFolder.open(result.folder)
    saved = latest_checkpoint(folder.checkpoints, folder.identity)
    assert saved is not None
    assert {int(client) for client, _ in saved.arrays["versions"]} <= took_part


def test_a_run_of_a_million_clients_takes_no_more_memory_than_one_of_a_thousand(tmp_path: Path) -> None:
    def peak(clients: int) -> int:
        tracemalloc.start()
        simulate.run(population(clients, rounds=1), out=tmp_path / str(clients))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1001)  # Imports, and whatever is read once.
    assert peak(1_000_000) < 1.1 * peak(1000)
