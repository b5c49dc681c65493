"""Small run folders with figures that are easy to follow."""

from __future__ import annotations

from pathlib import Path

from fedprune.runs import table
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import JsonLines
from fedprune.runs.task import write_task
from fedprune.score import Score


def make(out: Path, *, seed: int = 0, lr: float = 0.1, label: str = "", accuracy: float | None = 0.8) -> Path:
    toml = f'[run]\nname = "demo"\nlabel = "{label}"\nrounds = 4\nseed = {seed}\n[train]\nlr = {lr}\n'
    with RunFolder.create(out, f"demo-{lr}-s{seed}", toml, "0", False, label=label or "demo") as folder:
        with JsonLines(folder.rounds) as log:
            for round in (1, 2):
                log.append(
                    {
                        "round": round,
                        "bytes_up": 10**6,
                        "bytes_down": 3 * 10**6,
                        "seconds": 0.5,
                        "density": 1 / round,
                    }
                )
        folder.write_status("running", 2)
        write_task(folder.path, "classification", Score("accuracy", percent=True), 0.1)
        if accuracy is not None:
            folder.write_results(
                {
                    "label": label or "demo",
                    **dict.fromkeys(table.MEASURED, accuracy),
                    "bytes_up_total": 4_000_000 * (seed + 1),
                    "bytes_down_total": 0,
                    "bytes_to_target": 7_500_000 if seed == 0 else None,
                }
            )
            folder.write_status("complete", 4)
        return folder.path
