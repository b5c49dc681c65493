"""``status.json``: where a run stands, and which process said so last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, get_args

from fedprune.runs import lock
from fedprune.runs.files import RunError, read_json

RunState = Literal["running", "complete", "stopped", "failed"]
"""How a run stands: a process works on it, it has its results, it was stopped, or it ended in an error."""


def status(state: RunState, round: int, label: str, missing: int = 0) -> dict[str, Any]:
    """What the file says of a run that this process works on; ``missing`` is left out where it is 0."""
    found = {"state": state, "round": round, "pid": os.getpid(), "label": label}
    return found | ({"missing": missing} if missing else {})


def read_status(path: Path) -> dict[str, Any]:
    """What ``status`` wrote to ``path``; "running" becomes "stopped" when its process is gone.

    Raises RunError when the file is missing or damaged.
    """
    found = read_json(path)
    state, round, label = (found.get(key) for key in ("state", "round", "label"))
    counts = all(isinstance(count, int) and count >= 0 for count in (round, found.get("missing", 0)))
    if state not in get_args(RunState) or not counts or not isinstance(label, str):
        raise RunError(f"{path}: not the status of a run; the file is damaged")
    if state == "running" and not lock.alive(found.get("pid")):
        found["state"] = "stopped"
    return found
