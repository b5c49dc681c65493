from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fedprune.pruning.mask import Mask
from fedprune.tickets.finished import FinishedRun
from fedprune.tickets.lab import Plan
from fedprune.tickets.studies import early_bird


def test_a_mask_is_found_after_its_last_move() -> None:
    assert early_bird.found_at([1, 4, 6, 9], [0.3, 0.001, 0.02]) == 9
    assert early_bird.found_at([1, 4, 6, 9], [0.3, 0.001, 0.002]) == 4
    assert early_bird.found_at([3], []) == 3


def test_distances_by_hand() -> None:
    first, final = np.array([1, 1, 1, 0], np.bool_), np.array([1, 0, 1, 0], np.bool_)
    history = {2: Mask({"w": first}), 5: Mask({"w": final})}
    rows = early_bird.compare(history, history[5], Mask({"w": ~final}), ["w"])
    assert [row["distance_before"] for row in rows] == [None, 0.25]
    assert [row["distance_final"] for row in rows] == [0.25, 0]
    assert [row["agreement_final"] for row in rows] == pytest.approx([3**-0.5, 1])
    assert rows[1]["agreement_other"] == -1


def test_moves_told_by_density_are_the_distances_of_nested_masks(pruned: Path) -> None:
    """Sub-FedAvg's masks only shrink, so what clients report says how far they moved."""
    run = FinishedRun.open(pruned)
    for client in run.clients:
        found = early_bird.measure(run, Plan(), str(client))
        assert [row["round"] for row in found["masks"]] == found["rounds"]
        assert [row["distance_before"] for row in found["masks"][1:]] == pytest.approx(found["moves"])
        assert found["masks"][-1]["distance_final"] == 0
