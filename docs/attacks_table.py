"""Print how honest clients fare by method, attack and rule: their personal score, and that of what they get.

python docs/attacks_table.py runs/attacks-*-s0

Each cell is "personal / received" in percent, means over the clients that attack in none of the runs; rows
are a method under an attack, columns are rules.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fedprune.runs.log import read_lines
from fedprune.runs.table import Row, results_table
from fedprune.text_table import markdown
from fedprune.updates import drawn


def main(*folders: str) -> None:
    rows = [row for row in results_table([Path(folder) for folder in folders]) if row["state"] == "complete"]
    fraction = max(row["settings"].get("update.1.fraction", 0.0) for row in rows)
    cells = {_place(row): _cell(row, fraction) for row in rows}
    rules = sorted({rule for _, _, rule in cells})
    lines = [
        [method, attack, *(cells.get((method, attack, rule), "") for rule in rules)]
        for method, attack in sorted({(method, attack) for method, attack, _ in cells})
    ]
    print(markdown(["method", "attack", *rules], lines))


def _place(row: Row) -> tuple[str, str, str]:
    """The row's method, attack and rule."""
    settings = row["settings"]
    return row["label"].split(",")[0], settings.get("update.1.name", "none"), settings["aggregate.name"]


def _cell(row: Row, fraction: float) -> str:
    attackers = drawn(row["settings"]["partition.clients"], fraction, row["seed"])
    clients = read_lines(Path(row["folder"]) / "final.jsonl")
    honest = [client for client in clients if client["client"] not in attackers]
    personal, received = (
        100 * np.mean([client[f"test_score_{what}"] for client in honest])
        for what in ("personal", "received")
    )
    return f"{personal:.1f} / {received:.1f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
