"""[faults] in whole runs: what befalls each client is in the records, and never depends on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fedprune import simulate
from fedprune.faults import strikes
from fedprune.progress import Progress
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import CLOCK_FIELDS
from fedprune.runs.show import render
from fedprune.scenario import Scenario, ScenarioError
from fedprune.types import UserError

SMALL: dict[str, Any] = {
    "run": {"rounds": 4, "clients_per_round": 5, "quorum": 0.1, "checkpoint_every": 1},
    "data": {"name": "digits"},
    "partition": {"name": "iid", "clients": 10},
    "model": {"name": "mlp", "hidden": [4]},
    "train": {"epochs": 1, "batch_size": 100},
    "evaluate": {"every": 0},
    "engine": {"name": "in_process"},
}
CLOCK = {"name": "constant"}


def rounds(tmp_path: Path, faults: Mapping[str, Any], **sections: Any) -> list[dict[str, Any]]:
    scenario = Scenario.from_dict({**SMALL, **sections, "faults": dict(faults)})
    (made,) = simulate.run([scenario], out=tmp_path)
    return _whole(made.folder)


def _whole(folder: Path) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.items() if key not in CLOCK_FIELDS}
        for row in read_lines(folder / "rounds.jsonl")
    ]


def fates(row: Mapping[str, Any]) -> dict[int, str]:
    return {failure["client"]: failure["fate"] for failure in row["failed"]}


@pytest.mark.parametrize(
    ("kind", "fate"),
    [("dropout", "dropped"), ("crash", "crashed"), ("corrupt", "refused"), ("replay", "refused")],
)
def test_a_trouble_strikes_whom_its_draws_say_and_nobody_else(kind: str, fate: str, tmp_path: Path) -> None:
    for row in rounds(tmp_path, {kind: 0.4}):
        due = {
            client
            for client in row["clients"]
            if strikes(kind, 0.4, seed=0, round=row["round"], client=client)
            and not (kind == "replay" and row["round"] == 1)
        }
        assert fates(row) == dict.fromkeys(sorted(due), fate)


def test_nothing_goes_to_a_client_that_drops_out_and_an_order_to_one_that_crashes(tmp_path: Path) -> None:
    whole, dropped, crashed = (
        rounds(tmp_path, faults)[0] for faults in ({}, {"dropout": 0.4}, {"crash": 0.4})
    )
    assert fates(dropped)
    assert dropped["bytes_down"] < whole["bytes_down"]
    assert fates(crashed)
    assert crashed["bytes_down"] >= whole["bytes_down"]


def test_after_the_deadline_a_reply_is_late_and_the_round_lasts_until_then(tmp_path: Path) -> None:
    (usual, *_) = rounds(tmp_path, {}, clock=CLOCK)
    deadline = 2 * usual["simulated_seconds"]
    faults = {"stragglers": 0.4, "slowdown": 100.0, "deadline": deadline}
    for row in rounds(tmp_path, faults, clock=CLOCK):
        slow = {
            client
            for client in row["clients"]
            if strikes("stragglers", 0.4, seed=0, round=row["round"], client=client)
        }
        assert fates(row) == dict.fromkeys(sorted(slow), "late")
        assert row["simulated_seconds"] == (deadline if slow else pytest.approx(usual["simulated_seconds"]))


def test_of_more_clients_than_wanted_the_first_to_reply_count(tmp_path: Path) -> None:
    clock = {"name": "table", "seconds_per_multiply_add": [1e-6 * (1 + client) for client in range(10)]}
    clock |= {"bytes_per_second_down": [1e6] * 10, "bytes_per_second_up": [1e6] * 10}
    for row in rounds(tmp_path, {"oversample": 1.6}, clock=clock):
        assert len(row["clients"]) == 8
        assert fates(row) == dict.fromkeys(sorted(row["clients"])[5:], "late")


def test_a_trace_that_is_missing_is_told_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the trace"):
        rounds(tmp_path, {"availability": "./nowhere.parquet"}, clock=CLOCK)
    assert not list(tmp_path.iterdir())


def test_only_who_is_there_is_sampled_and_a_server_waits_for_somebody(tmp_path: Path) -> None:
    # Client c is there from 100 c to 100 c + 60 seconds.
    starts = [100 * client for client in range(10)]
    frame = {"active": [[at] for at in starts], "inactive": [[at + 60] for at in starts]}
    pl.DataFrame({**frame, "finish_time": [1000] * 10}).write_parquet(tmp_path / "trace.parquet")
    faults = {"availability": str(tmp_path / "trace.parquet")}
    clock = {"name": "constant", "bytes_per_second_up": 20.0}
    end = 0.0
    for row in rounds(tmp_path, faults, clock=clock):
        (client,) = row["clients"]
        begun = row["simulated_seconds_total"] - row["simulated_seconds"]
        assert client * 100 <= begun % 1000 <= client * 100 + 60
        assert (row["unavailable"], begun >= end) == (9, True)
        end = row["simulated_seconds_total"]


FAULTY = {
    "dropout": 0.2,
    "crash": 0.1,
    "corrupt": 0.1,
    "replay": 0.1,
    "stragglers": 0.3,
    "slowdown": 1e5,
    "deadline": 1.0,
    "oversample": 1.4,
    "availability": "periodic",
    "period": 4.0,
    "available": 0.9,
}


def test_all_of_it_is_the_same_on_two_workers_and_after_a_stop(tmp_path: Path) -> None:
    class AfterTwo(Progress):
        def round_finished(self, record: Mapping[str, Any]) -> None:
            if record["round"] == 2:
                raise KeyboardInterrupt

    # Of this seed's draws every round keeps somebody, and every fate is met.
    seeded = {**SMALL["run"], "seed": 11}
    alone = rounds(tmp_path / "alone", FAULTY, clock=CLOCK, run=seeded)
    assert len({failure["fate"] for row in alone for failure in row["failed"]}) == 4
    two = rounds(
        tmp_path / "two", FAULTY, clock=CLOCK, run=seeded, engine={"name": "processes", "workers": 2}
    )
    assert two == alone
    scenario = Scenario.from_dict({**SMALL, "run": seeded, "clock": CLOCK, "faults": FAULTY})
    with pytest.raises(KeyboardInterrupt):
        simulate.run([scenario], out=tmp_path / "stopped", progress=AfterTwo())
    simulate.resume(tmp_path / "stopped" / scenario.run_id())
    assert _whole(tmp_path / "stopped" / scenario.run_id()) == alone


def test_a_table_says_what_became_of_replies(tmp_path: Path) -> None:
    rows = rounds(tmp_path, {"dropout": 0.4, "crash": 0.2})
    met = [fate for row in rows for fate in fates(row).values()]
    text = render(list(tmp_path.iterdir()))
    assert f"{met.count('dropped')} dropped, {met.count('crashed')} crashed" in text


@pytest.mark.parametrize(
    ("faults", "line"),
    [
        ({"dropout": 1.1}, "[faults] dropout"),
        ({"deadline": 3.0}, "[faults] deadline: happens in simulated time"),
        ({"stragglers": 0.1}, "[faults] stragglers: happens in simulated time"),
        ({"availability": "peridic"}, "[faults] availability"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(faults: dict[str, Any], line: str) -> None:
    with pytest.raises(ScenarioError) as error:
        Scenario.from_dict({**SMALL, "faults": faults})
    assert str(error.value).startswith(line)
