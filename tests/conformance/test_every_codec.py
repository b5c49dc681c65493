"""Any strategy, whatever its payloads are, through pipelines that lose something both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune.federation.server.loop import state_of
from fedprune.runs.checkpoint import latest_checkpoint
from fedprune.runs.folder import RunFolder

from .battery import carry, records, small

PIPELINES: dict[str, dict[str, Any]] = {
    "updates": {"base": "update", "mask": "context", "values": "uniform", "bits": 4, "entropy": "ans"},
    "tracked and sparse": {"base": "tracked", "sparsify": 0.2, "values": "fp16"},
}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_strategy_works_through_lossy_pipelines(strategy: str, pipeline: str, tmp_path: Path) -> None:
    way = PIPELINES[pipeline]
    scenario = small({"name": strategy}, uplink={**way, "feedback": "residual"}, downlink=way)
    folder, _ = carry(scenario, tmp_path)
    assert all(not row["failed"] for row in records(folder, "rounds.jsonl"))
    opened = RunFolder.open(folder)
    saved = latest_checkpoint(opened.checkpoints, opened.identity)
    assert saved is not None
    state = state_of(saved.arrays, saved.round)
    assert all(np.isfinite(value).all() for value in state.weights.values())
