"""What a run's folder keeps of latency, and of which client."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fedprune.latency import record as recording
from fedprune.latency.measure import Timing
from fedprune.latency.table import Row
from fedprune.runs.latency import FILE, read_latency

ROW = Row("shrunk", "onnx", Timing(2e-3, 3e-3, 4e-3, 1e-3), 1.5, 5000, 300, 200)


def test_the_typical_client_has_the_median_of_multiply_adds() -> None:
    final = [{"client": client, "multiply_adds": cost} for client, cost in enumerate([9, 2, 5, 5, 7, 1])]
    assert recording.typical(final) == 2
    assert recording.typical(final[:1]) == 0


def test_a_run_keeps_the_latency_of_its_typical_client_and_measures_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def latency(run: Any, client: int) -> list[Row]:
        asked.append(client)
        return [ROW]

    monkeypatch.setattr(recording, "latency", latency)
    monkeypatch.setattr(recording.FinishedFederation, "open", lambda path: path)
    lines = [{"client": client, "multiply_adds": cost} for client, cost in ((0, 30), (1, 10), (2, 20))]
    final = tmp_path / "final.jsonl"
    final.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    folder: Any = SimpleNamespace(path=tmp_path, final_clients=final)
    for _ in range(2):
        recording.record(folder)
    assert asked == [2]
    kept = json.loads((tmp_path / FILE).read_text("utf-8"))
    assert kept["client"] == 2
    assert kept["rows"][0]["timing"]["p50"] == ROW.timing.p50
    assert read_latency(tmp_path) == {"latency": ROW.timing.p50, "latency_speedup": ROW.speedup}
