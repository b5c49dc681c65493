"""What tests of the section on tickets share: studies' results, changed or not, and what is drawn of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from .parsed import Parsed


def copied(studied: Path, out: Path) -> Path:
    return Path(shutil.copytree(studied, out / studied.name))


def changed(run: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes what is stored of a study."""
    path = run / "tickets" / f"{name}.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def result(run: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((run / "tickets" / f"{name}.json").read_text())["result"])


def figure(report: Parsed, name: str) -> dict[str, Any]:
    return dict(report.figures[f"tickets-0-{name}"])


def close(values: Any) -> Any:
    """Drawn numbers have six digits."""
    return pytest.approx(values, rel=1e-5, abs=1e-9)


def interval(values: list[float]) -> tuple[float, float]:
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def labels(run: Path, clients: list[int]) -> list[dict[str, int]]:
    held = json.loads((run / "partition.json").read_text())["clients"]
    return [held[client]["labels"] for client in clients]


def shared(first: dict[str, int], second: dict[str, int]) -> float:
    """The sum over labels of the smaller share."""
    sizes = sum(first.values()), sum(second.values())
    return sum(min(count / sizes[0], second.get(label, 0) / sizes[1]) for label, count in first.items())
