"""Two runs side by side: equal to the bit, or where they differ, with paired intervals."""

from __future__ import annotations

import dataclasses
import json
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from fedprune.comparison import compare
from fedprune.comparison.bits import differences
from fedprune.comparison.show import render
from fedprune.estimate import estimate
from fedprune.runs.arrays import pack
from fedprune.runs.files import RunError

Runs = dict[str, Path]


@pytest.fixture
def copy(runs: Runs, tmp_path: Path) -> Path:
    """A copy of ``fedavg-0`` that a test may change."""
    return Path(shutil.copytree(runs["fedavg-0"], tmp_path / "copy"))


def final(run: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (run / "final.jsonl").read_text().splitlines()]
    return {line["client"]: line["test_score_personal"] for line in lines}


def test_a_run_that_is_repeated_is_equal_to_the_bit(runs: Runs) -> None:
    found = compare([runs["fedavg-0"], runs["again-0"]])
    assert found.equal
    assert (found.settings, found.code, found.environment) == ([], [], [])
    assert {line.verdict for line in found.lines if line.title != "seconds"} == {"level"}
    assert "results: equal to the bit" in render(found)


def test_settings_and_results_that_differ_are_told_and_paired_by_client(runs: Runs) -> None:
    found = compare([runs["fedavg-0"], runs["standalone-0"]])
    assert not found.equal
    assert [(fact.name, fact.first, fact.second) for fact in found.settings] == [
        ("strategy.name", "fedavg", "standalone")
    ]
    first, second = final(runs["fedavg-0"]), final(runs["standalone-0"])
    expected = estimate([100 * (second[client] - first[client]) for client in sorted(first)])
    line = found.lines[0]
    assert (line.title, found.over) == ("accuracy %", "6 clients")
    assert line.difference == expected
    assert (line.first, line.second) == (
        pytest.approx(100 * statistics.fmean(first.values())),
        pytest.approx(100 * statistics.fmean(second.values())),
    )
    (up,) = [line for line in found.lines if line.title == "MB up"]
    assert up.second < 0.01 * up.first


def test_clients_that_took_part_are_compared_by_themselves_where_others_did_not(runs: Runs) -> None:
    first, second = final(runs["fedavg-0"]), final(runs["standalone-0"])
    lines = [json.loads(line) for line in (runs["fedavg-0"] / "final.jsonl").read_text().splitlines()]
    sampled = [line["client"] for line in lines if line["rounds_accepted"]]
    assert 0 < len(sampled) < 6
    found = compare([runs["fedavg-0"], runs["standalone-0"]])
    (line,) = [line for line in found.lines if line.title == f"accuracy of {len(sampled)} sampled %"]
    assert line.difference is not None
    expected = 100 * statistics.fmean(second[client] - first[client] for client in sampled)
    assert line.difference.mean == pytest.approx(expected)
    assert line.first == pytest.approx(100 * statistics.fmean(first[client] for client in sampled))


def test_a_difference_that_its_digits_would_hide_is_shown_by_its_size(runs: Runs) -> None:
    found = compare([runs["fedavg-0"], runs["again-0"]])
    (up,) = [line for line in found.lines if line.title == "MB up"]
    shown = render(
        dataclasses.replace(found, lines=[dataclasses.replace(up, second=up.first - 3e-5, difference=None)])
    )
    assert "-3e-05" in shown


def test_groups_are_paired_by_seed(runs: Runs) -> None:
    found = compare([runs[f"{name}-{seed}"] for name in ("fedavg", "standalone") for seed in (1, 0)])
    assert (found.over, found.labels) == ("2 seeds", ("tiny (strategy fedavg)", "tiny (strategy standalone)"))
    expected = estimate(
        [
            100
            * (
                statistics.fmean(final(runs[f"standalone-{seed}"]).values())
                - statistics.fmean(final(runs[f"fedavg-{seed}"]).values())
            )
            for seed in (0, 1)
        ]
    )
    assert expected is not None
    told = found.lines[0].difference
    assert told is not None
    assert (told.mean, told.low, told.high) == pytest.approx((expected.mean, expected.low, expected.high))


def test_clients_of_other_partitions_are_not_paired(runs: Runs) -> None:
    found = compare([runs["fedavg-0"], runs["fedavg-1"]])
    assert [(fact.name, fact.first, fact.second) for fact in found.settings] == [("run.seed", "0", "1")]
    assert found.lines[0].difference is None
    assert "hold different samples" in render(found)
    assert any(line.startswith("partition.json: the clients hold other samples") for line in found.results)


def test_json_holds_all_that_the_text_says(runs: Runs) -> None:
    record = json.loads(render(compare([runs["fedavg-0"], runs["standalone-0"]]), "json"))
    assert record["settings"] == [{"name": "strategy.name", "first": "fedavg", "second": "standalone"}]
    assert record["equal"] is False
    assert record["results"][0]["difference"]["n"] == 6
    assert render(compare([runs["fedavg-0"], runs["standalone-0"]]), "markdown").count("| --- |") >= 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (["fedavg-0"], "these form 1"),
        (["fedavg-0", "fedavg-1", "standalone-0", "again-0"], "these form 3"),
    ],
)
def test_what_forms_no_two_groups_is_refused(runs: Runs, chosen: list[str], said: str) -> None:
    with pytest.raises(RunError, match=said):
        compare([runs[name] for name in chosen])


def test_a_run_that_is_not_finished_is_refused(runs: Runs, copy: Path) -> None:
    status = json.loads((copy / "status.json").read_text())
    (copy / "status.json").write_text(json.dumps({**status, "state": "stopped"}))
    with pytest.raises(RunError, match="is not finished; go on with: fedprune resume"):
        compare([runs["fedavg-0"], copy])


def test_the_last_bit_of_a_weight_or_of_a_record_counts_and_a_clock_does_not(runs: Runs, copy: Path) -> None:
    assert differences(runs["fedavg-0"], copy) == []
    rounds = copy / "rounds.jsonl"
    lines = [json.loads(line) for line in rounds.read_text().splitlines()]
    lines[0]["seconds"] += 1
    rounds.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert differences(runs["fedavg-0"], copy) == []
    lines[1]["train_loss"] = float(np.nextafter(lines[1]["train_loss"], 10))
    rounds.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (told,) = differences(runs["fedavg-0"], copy)
    assert told.startswith("rounds.jsonl, line 2: train_loss is ")

    weights = copy / "final/weights.safetensors"
    arrays = load_file(weights)
    name = next(iter(arrays))
    arrays[name].reshape(-1)[0] = np.nextafter(arrays[name].reshape(-1)[0], np.float32(9))
    weights.write_bytes(pack(arrays))
    assert f"final/weights.safetensors: other values in {name}" in differences(runs["fedavg-0"], copy)
