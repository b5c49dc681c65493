"""The simulated clock in whole runs: what rounds and clients take, by hand; and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from fedprune import simulate
from fedprune.federation.experiment import open_experiment
from fedprune.progress import Progress
from fedprune.pruning.cost import cost_under
from fedprune.pruning.mask import Mask
from fedprune.runs.files import read_json
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario

SMALL: dict[str, Any] = {
    "run": {"rounds": 3, "clients_per_round": 3, "seed": 2},
    "data": {"name": "digits"},
    "partition": {"name": "iid", "clients": 6},
    "model": {"name": "mlp", "hidden": [8]},
    "train": {"epochs": 2, "batch_size": 50},
    "strategy": {"name": "fedavg"},
    "evaluate": {"every": 1, "target": 0.01},
    "engine": {"name": "in_process"},
}
CLOCK = {"name": "table", "seconds_per_multiply_add": [1e-6, 3e-6], "bytes_per_second_down": [1e3, 1e4]}
TIMED = {**SMALL, "clock": {**CLOCK, "bytes_per_second_up": [500.0, 400.0]}}


def run(raw: dict[str, Any], runs: Path) -> Path:
    """The folder of a run of these settings."""
    (result,) = simulate.run([Scenario.from_dict(raw)], out=runs)
    return result.folder


def one_pass(raw: dict[str, Any]) -> int:
    """Multiply-adds of a sample's way through the whole model."""
    made = open_experiment(Scenario.from_dict(raw).client_settings(), None).architecture
    return cost_under(made, Mask()).multiply_adds


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(TIMED, tmp_path_factory.mktemp("timed"))


def test_a_client_computes_three_passes_for_each_sample_and_epoch(timed: Path) -> None:
    for row in read_lines(timed / "clients.jsonl"):
        assert row["training_multiply_adds"] == 3 * 2 * row["samples"] * one_pass(TIMED)


def test_a_client_takes_what_its_speed_and_its_connection_give(timed: Path) -> None:
    rates = Scenario.from_dict(TIMED).clock.made()
    for row in read_lines(timed / "clients.jsonl"):
        mine = rates.rates(row["client"], row["round"], 2)
        most = mine.seconds(row["training_multiply_adds"], row["bytes_down"], row["bytes_up"])
        # The transport's envelope is no part of it: a few hundred bytes each way.
        least = mine.seconds(row["training_multiply_adds"], row["bytes_down"] - 600, row["bytes_up"] - 600)
        assert least < row["simulated_seconds"] < most


def test_a_round_takes_as_long_as_its_slowest_client_and_rounds_add_up(timed: Path) -> None:
    clients, total = read_lines(timed / "clients.jsonl"), 0.0
    for row in read_lines(timed / "rounds.jsonl"):
        slowest = max(each["simulated_seconds"] for each in clients if each["round"] == row["round"])
        total += slowest
        assert (row["simulated_seconds"], row["simulated_seconds_total"]) == (slowest, total)
    assert read_json(timed / "results.json")["simulated_seconds_total"] == total


def test_the_target_is_reached_at_the_end_of_a_round_of_the_simulated_clock(timed: Path) -> None:
    first = read_lines(timed / "rounds.jsonl")[0]
    results = read_json(timed / "results.json")
    assert results["simulated_seconds_to_target"] == first["simulated_seconds_total"]
    assert results["bytes_to_target"] == first["bytes_up"] + first["bytes_down"]


def test_the_clock_changes_no_weight_and_no_score(timed: Path, tmp_path: Path) -> None:
    plain = run(SMALL, tmp_path)
    weights = [load_file(each / "final" / "weights.safetensors") for each in (plain, timed)]
    assert all(array.tobytes() == weights[1][name].tobytes() for name, array in weights[0].items())
    for with_clock, without in zip(
        read_lines(timed / "rounds.jsonl"), read_lines(plain / "rounds.jsonl"), strict=True
    ):
        assert with_clock["test_score_after"] == without["test_score_after"]
        assert with_clock["bytes_up_values"] == without["bytes_up_values"]


def test_without_a_clock_nothing_is_simulated_and_nothing_more_travels(tmp_path: Path) -> None:
    plain = run(SMALL, tmp_path)
    for row in [*read_lines(plain / "rounds.jsonl"), *read_lines(plain / "clients.jsonl")]:
        assert row["simulated_seconds"] is None
        assert row["training_multiply_adds"] is None
    assert read_json(plain / "results.json")["simulated_seconds_total"] is None


def test_what_a_method_trains_beside_its_model_counts(tmp_path: Path) -> None:
    ditto = run({**TIMED, "strategy": {"name": "ditto"}}, tmp_path)
    for row in read_lines(ditto / "clients.jsonl"):
        assert row["training_multiply_adds"] == 2 * 3 * 2 * row["samples"] * one_pass(TIMED)


def test_a_client_of_a_smaller_submodel_computes_less(tmp_path: Path) -> None:
    raw = {**TIMED, "strategy": {"name": "heterofl", "widths": [1.0, 0.5]}}
    rows = read_lines(run(raw, tmp_path) / "clients.jsonl")
    assert {row["multiply_adds"] < one_pass(raw) for row in rows} == {True, False}
    for row in rows:
        assert row["training_multiply_adds"] == 3 * 2 * row["samples"] * row["multiply_adds"]


def test_a_resumed_run_goes_on_from_the_simulated_time_that_it_had(timed: Path, tmp_path: Path) -> None:
    class AfterOne(Progress):
        def round_finished(self, record: Mapping[str, Any]) -> None:
            raise KeyboardInterrupt

    scenario = Scenario.from_dict(TIMED)
    with pytest.raises(KeyboardInterrupt):
        simulate.run([scenario], out=tmp_path, progress=AfterOne())
    folder = tmp_path / scenario.run_id()
    simulate.resume(folder)
    resumed, whole = (read_lines(each / "rounds.jsonl") for each in (folder, timed))
    told = ("simulated_seconds", "simulated_seconds_total")
    assert [[row[name] for name in told] for row in resumed] == [
        [row[name] for name in told] for row in whole
    ]
