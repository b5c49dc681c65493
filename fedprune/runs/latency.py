"""``latency.json``: how long the model of a run's typical client takes to answer, where that was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fedprune.runs.fields import misfit
from fedprune.runs.files import RunError, read_json

FILE = "latency.json"
"""In a run's folder, if ``[evaluate] latency`` asked for it: ``client``, the fields of LATENCY, and ``rows``
as ``fedprune.latency.Row`` has them, times in seconds, sizes in bytes."""

LATENCY = ("latency", "latency_speedup")
"""Fields of FILE that rows of results carry; see ``runs.metrics``."""


def read_latency(run: Path) -> dict[str, Any]:
    """The fields of LATENCY of a run's folder, None where nothing was measured.

    Raises RunError when the file is damaged.
    """
    path = run / FILE
    if not path.is_file():
        return dict.fromkeys(LATENCY)
    record = read_json(path)
    if field := misfit(FILE, record):
        raise RunError(f"{path}: '{field}' is not what it should be; the file is damaged")
    return {name: record.get(name) for name in LATENCY}
