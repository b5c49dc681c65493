"""``status.json``: where a run stands, and which process said so last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, get_args

from fedprune.runs import lock
from fedprune.runs.files import RunError, read_json

RunState = Literal["running", "complete", "stopped", "failed"]
"""How a run stands: a process works on it, it has its results, it was stopped, or it ended in an error."""


def status(
    state: RunState, round: int, label: str, missing: int = 0, evaluated: tuple[int, int] | None = None
) -> dict[str, Any]:
    """What the file says of a run that this process works on.

    Args:
        state: how the run stands.
        round: the last round that is done.
        label: what tables call the run.
        missing: clients that the final evaluation lacks; left out where it is 0.
        evaluated: how many clients the final evaluation under way has, and of how many; left out before it.
    """
    found: dict[str, Any] = {"state": state, "round": round, "pid": os.getpid(), "label": label}
    if evaluated is not None:
        found |= {"evaluated": evaluated[0], "to_evaluate": evaluated[1]}
    return found | ({"missing": missing} if missing else {})


def read_status(path: Path) -> dict[str, Any]:
    """What ``status`` wrote to ``path``; "running" becomes "stopped" when its process is gone.

    Raises RunError when the file is missing or damaged.
    """
    found = read_json(path)
    state, round, label = (found.get(key) for key in ("state", "round", "label"))
    counts = [round, *(found.get(name, 0) for name in ("missing", "evaluated", "to_evaluate"))]
    sound = all(isinstance(count, int) and count >= 0 for count in counts)
    if state not in get_args(RunState) or not sound or not isinstance(label, str):
        raise RunError(f"{path}: not the status of a run; the file is damaged")
    if state == "running" and not lock.alive(found.get("pid")):
        found["state"] = "stopped"
    return found
