"""Run folders made by hand, a round at a time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fedprune.runs.folder import RunFolder, RunState
from fedprune.runs.task import write_task
from fedprune.score import Score


def record(number: int, **changed: Any) -> dict[str, Any]:
    """What a round logs of what a watcher shows."""
    return {
        "round": number,
        "failed": [],
        "train_loss": 1 / number,
        "test_score_after": None,
        "density": 0.5,
        "bytes_up": 1000 * number,
        "bytes_down": 2000 * number,
        "seconds": 2.0,
        **changed,
    }


class Made:
    """A run folder that this process pretends to work on."""

    def __init__(self, out: Path, name: str = "made-0123-s0", rounds: int = 10, label: str = "made") -> None:
        toml = f'[run]\nname = "made"\nrounds = {rounds}\n'
        self.folder = RunFolder.create(out, name, toml, "0123", force=False, label=label)
        self.path = self.folder.path
        write_task(self.path, "classification", Score("accuracy", percent=True), 0.1)

    def log(self, *records: dict[str, Any], end: str = "\n") -> None:
        with self.folder.rounds.open("a") as file:
            file.write("\n".join(json.dumps(line) for line in records) + end)

    def say(self, state: RunState, round: int, pid: int | None = None) -> None:
        status = {"state": state, "round": round, "pid": pid or os.getpid(), "label": "made"}
        (self.path / "status.json").write_text(json.dumps(status), "utf-8")
