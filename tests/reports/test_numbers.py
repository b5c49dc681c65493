"""Every number of a report, recomputed from the lines that the runs wrote."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from fedprune.reports import write

from .parsed import Parsed
from .synthetic import LAYERS, PARTS, write_run

NAMES = ["alpha", "beta", "gamma"]
"""Three seeds; one seed, longer, that prunes nothing measured; one that is not finished."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    out = tmp_path_factory.mktemp("runs")
    return {
        "alpha": [write_run(out, "alpha", seed=seed, label=f"alpha, seed {seed}") for seed in (2, 0, 1)],
        "beta": [write_run(out, "beta", rounds=9, clients=11)],
        "gamma": [write_run(out, "gamma", rounds=5, finished=False)],
    }


@pytest.fixture(scope="module")
def report(runs: dict[str, list[Path]]) -> Parsed:
    folders = [folder for group in runs.values() for folder in group]
    return Parsed(write(folders, folders[0].parent.parent / "report" / "all.html"))


def lines(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def summary(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "results.json").read_text()))


def spent(run: Path, until: int) -> float:
    """MB of both directions in the rounds up to ``until``."""
    return sum(line["bytes_up"] + line["bytes_down"] for line in lines(run, "rounds.jsonl")[:until]) / 1e6


def close(values: Sequence[float | None]) -> Any:
    """Drawn numbers have six digits."""
    return pytest.approx([pytest.approx(value, rel=1e-5) for value in values])


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    if len(values) == 1:
        return None, None
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return statistics.fmean(values) - half, statistics.fmean(values) + half


def assert_series(
    figure: dict[str, Any], runs: dict[str, list[Path]], field: str, factor: float, x: Callable[..., float]
) -> None:
    for index, name in enumerate(NAMES):
        (series,) = [one for one in figure["series"] if one["method"] == index]
        measured: dict[int, list[tuple[Path, float]]] = {}
        for run in runs[name]:
            for line in lines(run, "rounds.jsonl"):
                if line[field] is not None:
                    measured.setdefault(line["round"], []).append((run, factor * line[field]))
        assert series["round"] == list(measured)
        values = [[value for _, value in found] for found in measured.values()]
        assert series["y"] == [pytest.approx(statistics.fmean(found), rel=1e-5) for found in values]
        assert series["n"] == [len(found) for found in values]
        places = [statistics.fmean(x(run, round) for run, _ in found) for round, found in measured.items()]
        assert series["x"] == [pytest.approx(place, rel=1e-5) for place in places]
        bounds = [interval(found) for found in values]
        if bounds[0][0] is None:
            assert series["low"] is series["high"] is None
        else:
            assert series["low"] == [pytest.approx(low, rel=1e-5) for low, _ in bounds]
            assert series["high"] == [pytest.approx(high, rel=1e-5) for _, high in bounds]


def test_methods_are_the_runs_without_their_seeds(report: Parsed) -> None:
    assert report.data["methods"] == NAMES


def test_score_by_bytes(report: Parsed, runs: dict[str, list[Path]]) -> None:
    figure = report.figures["accuracy-by-bytes"]
    assert_series(figure, runs, "test_score_after", 100, spent)
    finals = {}
    for end in figure["finals"]:
        name = NAMES[end["method"]]
        accuracies = [100 * summary(run)["test_score_personal"] for run in runs[name]]
        finals[name] = (statistics.fmean(spent(run, 99) for run in runs[name]), statistics.fmean(accuracies))
        assert (end["x"], end["y"]) == (
            pytest.approx(finals[name][0], rel=1e-5),
            pytest.approx(finals[name][1], rel=1e-5),
        )
        assert (end["low"], end["high"]) == tuple(
            None if bound is None else pytest.approx(bound, rel=1e-5) for bound in interval(accuracies)
        )
        seeds = {
            seed["seed"]: (seed["x"], seed["y"]) for seed in end["seeds"]
        }  # a single run is its star already
        assert seeds == {
            summary(run)["seed"]: (
                pytest.approx(spent(run, 99), rel=1e-5),
                pytest.approx(100 * summary(run)["test_score_personal"], rel=1e-5),
            )
            for run in (runs[name] if len(runs[name]) > 1 else [])
        }
    assert finals.keys() == {"alpha", "beta"}
    beaten = {
        name
        for name, (cost, gain) in finals.items()
        for other in finals.values()
        if other[0] < cost and other[1] >= gain
    }
    front = sorted(point for name, point in finals.items() if name not in beaten)
    assert figure["front"] == [[pytest.approx(value, rel=1e-5) for value in point] for point in front]


def test_bytes_to_target(report: Parsed, runs: dict[str, list[Path]]) -> None:
    figure = report.figures["accuracy-by-bytes"]
    assert figure["target"] == 45
    expected = {}
    for index, name in enumerate(NAMES[:2]):
        costs = []
        for run in runs[name]:
            reached = [
                line["round"]
                for line in lines(run, "rounds.jsonl")
                if (line["test_score_after"] or 0) >= 0.45
            ]
            costs += [spent(run, reached[0])] if reached else []
        if len(costs) == len(runs[name]):
            expected[index] = pytest.approx(statistics.fmean(costs), rel=1e-5)
    assert {cost["method"]: cost["x"] for cost in figure["reached"]} == expected
    assert expected


def test_score_and_multiply_adds_by_round(report: Parsed, runs: dict[str, list[Path]]) -> None:
    assert_series(report.figures["accuracy-by-round"], runs, "test_score_after", 100, lambda _, round: round)
    assert_series(report.figures["multiply-adds"], runs, "multiply_adds", 1e-6, lambda _, round: round)


def test_score_by_seconds_and_training_loss(report: Parsed, runs: dict[str, list[Path]]) -> None:
    def seconds(run: Path, until: int) -> float:
        return float(sum(line["seconds"] for line in lines(run, "rounds.jsonl")[:until]))

    assert_series(report.figures["accuracy-by-seconds"], runs, "test_score_after", 100, seconds)
    assert_series(report.figures["accuracy-training-loss"], runs, "train_loss", 1, lambda _, round: round)


def test_traffic_by_round_direction_and_part(report: Parsed, runs: dict[str, list[Path]]) -> None:
    columns = report.tables["traffic"]
    for index, name in enumerate(NAMES):
        figure = report.figures[f"traffic-{index}-{name}"]
        logs = [lines(run, "rounds.jsonl") for run in runs[name]]
        assert [bar["first"] for bar in figure["bins"]] == [line["round"] for line in logs[0]]
        means = []
        for way in ("down", "up"):
            for place, part in enumerate(PARTS):
                sizes = [[line[f"bytes_{way}_{part}"] / 1e6 for line in log] for log in logs]
                expected = [statistics.fmean(found) for found in zip(*sizes, strict=True)]
                assert [bar[way][place] for bar in figure["bins"]] == [
                    pytest.approx(one, rel=1e-5) for one in expected
                ]
                means.append(statistics.fmean(expected))
        *shown, masks = [float(str(cell[2])) for cell in columns[index + 1][1:]]
        assert shown == [pytest.approx(mean) for mean in means]
        (row,) = [row for row in report.figures["parts"]["rows"] if row["method"] == index]
        assert [*row["down"], *row["up"]] == [pytest.approx(mean, rel=1e-5) for mean in means]
        place = PARTS.index("mask")
        assert masks == pytest.approx(100 * (row["down"][place] + row["up"][place]) / sum(means), rel=1e-4)


def test_every_client_in_the_distribution(report: Parsed, runs: dict[str, list[Path]]) -> None:
    rows = {NAMES[row["method"]]: row for row in report.figures["clients"]["rows"]}
    for name in ("alpha", "beta"):
        by_seed = sorted(runs[name], key=lambda run: summary(run)["seed"])
        final = [line for run in by_seed for line in lines(run, "final.jsonl")]
        values = [100 * line["test_score_personal"] for line in final]
        assert rows[name]["values"] == [pytest.approx(value, rel=1e-5) for value in values]
        assert rows[name]["clients"] == [line["client"] for line in final]
        assert rows[name]["mean"] == pytest.approx(statistics.fmean(values), rel=1e-5)
        assert rows[name]["median"] == pytest.approx(statistics.median(values), rel=1e-5)
        worst = [100 * summary(run)["test_score_personal_worst10"] for run in runs[name]]
        assert rows[name]["worst"] == pytest.approx(statistics.fmean(worst), rel=1e-5)
    last = {
        line["client"]: 100 * line["test_score_after"]
        for line in lines(runs["gamma"][0], "clients.jsonl")
        if line["test_score_after"] is not None
    }
    assert rows["gamma"]["clients"] == sorted(last)
    assert rows["gamma"]["values"] == [pytest.approx(last[client], rel=1e-5) for client in sorted(last)]


def test_density_by_layer(report: Parsed, runs: dict[str, list[Path]]) -> None:
    for index, name in enumerate(NAMES):
        figure = report.figures[f"density-{index}-{name}"]
        assert [series["name"] for series in figure["series"]] == list(LAYERS)
        logs = [lines(run, "rounds.jsonl") for run in runs[name]]
        for series in figure["series"]:
            found = [[100 * line["density_layers"][series["name"]] for line in log] for log in logs]
            expected = [statistics.fmean(values) for values in zip(*found, strict=True)]
            assert series["y"] == [pytest.approx(value, rel=1e-5) for value in expected]
            assert series["x"] == [line["round"] for line in logs[0]]


def test_partition_pictures_show_every_label_count_once_a_partition(
    report: Parsed, runs: dict[str, list[Path]]
) -> None:
    pictures = [figure for figure in report.figures.values() if figure["id"].startswith("partition")]
    manifests: dict[str, Any] = {}
    for group in runs.values():
        for run in sorted(group, key=lambda run: json.loads((run / "partition.json").read_text())["hash"]):
            manifest = json.loads((run / "partition.json").read_text())
            manifests.setdefault(manifest["hash"], manifest)
    assert len(pictures) == len(manifests) == 3
    for figure, manifest in zip(pictures, manifests.values(), strict=True):
        shown = {(column, figure["rows"][row]): count for column, row, count in figure["cells"]}
        assert shown == {
            (client, label): count
            for client, held in enumerate(manifest["clients"])
            for label, count in held["labels"].items()
        }


FIELDS = {
    "accuracy %": ("test_score_personal", 100, 2),
    "std %": ("test_score_personal_std", 100, 2),
    "worst 10 %": ("test_score_personal_worst10", 100, 2),
    "received %": ("test_score_received", 100, 2),
    "trained %": ("test_score_trained", 100, 2),
    "density %": ("density", 100, 1),
    "M multiply-adds": ("multiply_adds", 1e-6, 3),
    "MB up": ("bytes_up_total", 1e-6, 2),
    "MB down": ("bytes_down_total", 1e-6, 2),
    "MB to target": ("bytes_to_target", 1e-6, 2),
    "seconds": ("seconds_total", 1, 1),
}


@pytest.mark.parametrize("title", FIELDS)
def test_results_table(report: Parsed, runs: dict[str, list[Path]], title: str) -> None:
    field, factor, digits = FIELDS[title]
    for name, (text, note, value) in zip(NAMES[:2], report.column("results", title), strict=False):
        raw = [summary(run)[field] for run in runs[name]]
        if None in raw:
            assert (text, value) == ("-", None)
            continue
        values = [factor * one for one in raw]
        assert float(str(value)) == pytest.approx(statistics.fmean(values))
        assert text == f"{statistics.fmean(values):,.{digits}f}"
        high = interval(values)[1]
        assert note == ("" if high is None else f"± {high - statistics.fmean(values):,.{digits}f}")


def test_an_unfinished_run_has_what_it_cost_so_far_and_says_so(
    report: Parsed, runs: dict[str, list[Path]]
) -> None:
    label, seeds, accuracy, *_ = report.tables["results"][3]
    assert label[:2] == ["gamma", "stopped at round 5 of 6"] or label[1] == "running at round 5 of 6"
    assert (seeds[0], accuracy[0]) == ("1", "-")
    up = sum(line["bytes_up"] for line in lines(runs["gamma"][0], "rounds.jsonl")) / 1e6
    assert float(str(report.column("results", "MB up")[2][2])) == pytest.approx(up)


def test_failures_are_counted(report: Parsed) -> None:
    assert [row[2][0] for row in report.tables["failures"][1:]] == ["no reply"] * 5
    assert [row[3][0] for row in report.tables["failures"][1:]] == ["1"] * 5


def test_findings_name_the_numbers_of_their_pictures(report: Parsed) -> None:
    figure = report.figures["accuracy-by-bytes"]
    for cost, gain in figure["front"]:
        assert f"with {gain:.2f} % for {cost:.2f} MB" in figure["alt"]
    rows = report.figures["clients"]["rows"]
    for worst in (max(row["worst"] for row in rows), min(row["worst"] for row in rows)):
        assert f"{worst:.1f} %" in report.figures["clients"]["alt"]
    for figure in report.figures.values():
        assert any(caption.startswith(figure["alt"]) for caption in report.captions)
