"""``task.json`` of a run folder: what the run learns, and how its scores are to be read."""

from __future__ import annotations

from pathlib import Path

from fedprune.runs.files import RunError, read_json, write_json
from fedprune.score import UNKNOWN, Score

_FILE = "task.json"


def write_task(run: Path, name: str, score: Score, chance: float) -> None:
    """Writes ``task.json`` into the run folder ``run``.

    Args:
        run: the run's folder.
        name: the task's.
        score: what the task measures.
        chance: the score of the best answer that ignores the input, in the score's unit.
    """
    record = {"name": name, "score": score.record(), "chance": chance}
    write_json(run / _FILE, record, durable=False)


def read_score(run: Path) -> Score:
    """How the scores of the run in folder ``run`` are to be read; a score without a name where it has not
    said.

    Raises RunError when the file is damaged.
    """
    path = run / _FILE
    if not path.exists():
        return UNKNOWN
    try:
        return Score.of(read_json(path)["score"])
    except (KeyError, TypeError) as error:
        raise RunError(f"{path}: {error}; the file is damaged") from error
