"""The latency of a run's typical model, written into its folder as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fedprune.federation.finished import FinishedFederation
from fedprune.latency.personal import latency
from fedprune.runs.files import write_json
from fedprune.runs.folder import RunFolder
from fedprune.runs.latency import FILE
from fedprune.runs.log import read_lines


def record(folder: RunFolder) -> None:
    """Time the model with the median of multiply-adds and write FILE; of a run that has it, nothing is done.

    Raises UserError where onnxruntime is not installed.
    """
    path = folder.path / FILE
    if path.is_file():
        return
    client = typical(read_lines(folder.final_clients))
    rows = latency(FinishedFederation.open(folder.path), client)
    shrunk = next(row for row in rows if (row.name, row.target) == ("shrunk", "onnx"))
    told = {"client": client, "latency": shrunk.timing.p50, "latency_speedup": shrunk.speedup}
    write_json(path, {**told, "rows": [asdict(row) for row in rows]}, durable=False)


def typical(final: list[dict[str, Any]]) -> int:
    """The client with the median of multiply-adds, the lower one of two; of equal ones the first."""
    ranked = sorted(final, key=lambda line: (line["multiply_adds"], line["client"]))
    return int(ranked[(len(ranked) - 1) // 2]["client"])
