from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fedprune.runs.files import RunError
from fedprune.runs.history import History


def test_weights_of_rounds_are_read_back_in_order(tmp_path: Path) -> None:
    history = History(tmp_path / "history", "run")
    assert history.rounds() == []
    for round in (10, 2):
        history.save(round, {"w": np.full(3, round, np.float32)})
    assert history.rounds() == [2, 10]
    assert history.load(2)["w"].tolist() == [2, 2, 2]


def test_weights_of_another_round_or_run_are_found_out(tmp_path: Path) -> None:
    history = History(tmp_path, "run")
    history.save(1, {"w": np.zeros(3, np.float32)})
    with pytest.raises(RunError, match="it says that it is run run"):
        History(tmp_path, "another").load(1)
    (tmp_path / "1.safetensors").rename(tmp_path / "2.safetensors")
    with pytest.raises(RunError, match="round 1, not run run, round 2"):
        history.load(2)


def test_damaged_or_missing_weights_are_told(tmp_path: Path) -> None:
    history = History(tmp_path, "run")
    with pytest.raises(RunError, match="cannot read"):
        history.load(1)
    (tmp_path / "1.safetensors").write_bytes(b"torn")
    with pytest.raises(RunError, match="damaged"):
        history.load(1)
