"""The global model's score at equal simulated times, a line for each group of runs, with paired differences.

python docs/score_by_time.py 10,20,30 "FedAvg, lockstep" runs/buffered-*

A group is runs of one label but for the seed. Each is compared with the named one, seed by seed.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping

import polars as pl

import fedprune
from fedprune.estimate import PLUS_MINUS, estimate
from fedprune.runs.labels import label_without_seed

WINDOW = 0.1
"""A score is the mean over the rounds that ended in this last share of the time, at least the last one: a
single round's is noisy."""


def at(run: fedprune.Run, seconds: float) -> float:
    """The score at a simulated time, in the unit that is shown."""
    ended = run.rounds.filter(pl.col("simulated_seconds_total") <= seconds)
    if ended.height in (0, run.rounds.height):
        sys.exit(f"{run.path}: had no round by simulated second {seconds:g}, or was over")
    late = ended.filter(pl.col("simulated_seconds_total") > (1 - WINDOW) * seconds)
    scores = (late if late.height else ended.tail(1))["test_score_global"]
    return run.score.factor * statistics.fmean(scores)


def shown(values: list[float]) -> str:
    """Mean and half of the 95 % t-interval."""
    found = estimate(values)
    assert found is not None
    return f"{found.mean:.2f}" if found.half is None else f"{found.mean:.2f} ± {found.half:.2f}"


def cells(runs: Mapping[int, fedprune.Run], base: Mapping[int, fedprune.Run], seconds: float) -> list[str]:
    """A group's score at a time, and how much better it is than the named group's."""
    scores = {seed: at(run, seconds) for seed, run in sorted(runs.items())}
    differences = [score - at(base[seed], seconds) for seed, score in scores.items()]
    return [shown(list(scores.values())), "" if runs is base else shown(differences)]


def main(times: str, named: str, *folders: str) -> None:
    groups: defaultdict[str, dict[int, fedprune.Run]] = defaultdict(dict)
    for folder in folders:
        run = fedprune.load(folder)
        seed = run.summary["seed"]
        groups[label_without_seed({**run.status, "seed": seed})][seed] = run
    moments = list(map(float, times.split(",")))
    heads = [head for moment in moments for head in (f"% at {moment:g} s", "difference")]
    print("| run | " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * len(heads))
    for label, runs in sorted(groups.items()):
        row = [cell for moment in moments for cell in cells(runs, groups[named], moment)]
        print(f"| {label} | " + " | ".join(row) + " |")
    print(f"\n{PLUS_MINUS}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
