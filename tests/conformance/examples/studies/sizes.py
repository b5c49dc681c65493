"""How many weights each layer of the studied network has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fedprune.score import Score
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.study_table import StudyTable, number


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    """The layers that masks cover."""
    return list(run.layers)


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    """The weights of one layer."""
    return {"weights": int(run.layers[unit].shape[1])}


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    """All layers."""
    return {"layers": dict(measured)}


def tables(result: Record, score: Score) -> list[StudyTable]:
    """One table, a line for each layer."""
    rows = [[name, number(layer["weights"], 0)] for name, layer in result["layers"].items()]
    return [StudyTable("sizes", ["layer", "weights"], rows)]


def verdict(result: Record, score: Score) -> str:
    """Sizes answer no question with yes or no."""
    return f"{len(result['layers'])} layers"
