"""Draw personal accuracy against the bytes spent, one line a run.

python docs/accuracy_by_bytes.py docs/results/quickstart.png runs/quickstart-*
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt

STYLES = ("-", "--", "-.", ":")
"""Lines differ by dashes as well as by colour, so that print and colour-blind readers can tell them apart."""


def points(run: Path) -> tuple[str, list[float], list[float]]:
    """Label, cumulative MB up and down, and mean accuracy after local training (%), by evaluated round."""
    label = tomllib.loads((run / "scenario.toml").read_text("utf-8"))["run"].get("label", run.name)
    spent, megabytes, accuracies = 0, [], []
    for line in (run / "rounds.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        spent += record["bytes_up"] + record["bytes_down"]
        if record["test_score_after"] is not None:
            megabytes.append(spent / 1e6)
            accuracies.append(100 * record["test_score_after"])
    return label, megabytes, accuracies


def main(target: str, *runs: str) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, run in enumerate(runs):
        label, megabytes, accuracies = points(Path(run))
        axes.plot(megabytes, accuracies, STYLES[index % len(STYLES)], marker="o", markersize=3, label=label)
    axes.set_xlabel("measured traffic so far, up and down (MB)")
    axes.set_ylabel("personal accuracy (%)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
