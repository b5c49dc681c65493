"""Draw the personal score against the bytes sent up: a point a run, and the runs that no other beats in both.

python docs/pareto.py codecs.png runs/cifar10-codecs-*-s0

It needs matplotlib, which the extra ``figures`` installs.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt

import fedprune
from fedprune.reports.methods import pareto

MARKERS = "osD^v<>PX*phd8"
"""Points differ by form as well as by colour, so that print and colour-blind readers can tell them apart."""


def main(target: str, *folders: str) -> None:
    runs = [fedprune.load(folder) for folder in folders]
    score, *others = {run.score for run in runs}
    if others:
        sys.exit(f"these runs have different scores ({score.name}, {others[0].name}): draw each task's apart")
    points = [
        (
            run.status["label"],
            run.summary["bytes_up_total"] / 1e6,
            score.factor * run.summary["test_score_personal"],
        )
        for run in runs
    ]
    front = pareto(points, score)
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(
        [up for _, up, _ in front], [end for _, _, end in front], "k--", alpha=0.4, label="Pareto front"
    )
    best_first = sorted(points, key=lambda point: -score.sign * point[2])
    for index, (label, up, reached) in enumerate(best_first):
        axes.plot(up, reached, MARKERS[index % len(MARKERS)], label=label)
    axes.set_xscale("log")
    axes.set_xlabel("measured bytes up in all rounds (MB)")
    axes.set_ylabel(f"personal {score.name}" + (f" ({score.shown_unit})" if score.shown_unit else ""))
    axes.grid(alpha=0.3)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
