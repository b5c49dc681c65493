"""Draw the personal score against the bytes spent, one line a run.

python docs/accuracy_by_bytes.py docs/results/quickstart.png runs/quickstart-*-s0

It needs matplotlib, which the extra ``figures`` installs.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import polars as pl

import fedprune

STYLES = ("-", "--", "-.", ":")
"""Lines differ by dashes as well as by colour, so that print and colour-blind readers can tell them apart."""


def main(target: str, *folders: str) -> None:
    runs = [fedprune.load(folder) for folder in folders]
    score, *others = {run.score for run in runs}
    if others:
        sys.exit(f"these runs have different scores ({score.name}, {others[0].name}): draw each task's apart")
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, run in enumerate(runs):
        megabytes = (pl.col("bytes_up") + pl.col("bytes_down")).cum_sum() / 1e6
        tested = run.rounds.with_columns(megabytes.alias("megabytes")).drop_nulls("test_score_after")
        axes.plot(
            tested["megabytes"],
            score.factor * tested["test_score_after"],
            STYLES[index % len(STYLES)],
            marker="o",
            markersize=3,
            label=run.status["label"],
        )
    axes.set_xscale("log")  # a codec, or training alone, needs a hundredth and a thousandth of the bytes
    axes.set_xlabel("measured traffic so far, up and down (MB)")
    axes.set_ylabel(f"personal {score.name}" + (f" ({score.shown_unit})" if score.shown_unit else ""))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
