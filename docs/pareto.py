"""Draw personal accuracy against the bytes sent up: a point a run, and the runs that no other beats in both.

python docs/pareto.py codecs.png runs/cifar10-codecs-*-s0
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from fedprune.report.methods import pareto
from fedprune.runs.table import results_table

MARKERS = "osD^v<>PX*phd8"
"""Points differ by form as well as by colour, so that print and colour-blind readers can tell them apart."""


def main(target: str, *runs: str) -> None:
    rows = results_table([Path(run) for run in runs])
    points = [(row["label"], row["bytes_up_total"] / 1e6, 100 * row["test_score_personal"]) for row in rows]
    front = pareto(points)
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(
        [up for _, up, _ in front], [gain for _, _, gain in front], "k--", alpha=0.4, label="Pareto front"
    )
    for index, (label, up, accuracy) in enumerate(sorted(points, key=lambda point: -point[2])):
        axes.plot(up, accuracy, MARKERS[index % len(MARKERS)], label=label)
    axes.set_xscale("log")
    axes.set_xlabel("measured bytes up in all rounds (MB)")
    axes.set_ylabel("personal accuracy (%)")
    axes.grid(alpha=0.3)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
