"""A run whose folder was renamed goes on to the same bits, bytes included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fedprune import simulate
from fedprune.progress import Progress

from .conformance.battery import bits, small

SCENARIO = small({"name": "sub_fedavg", "gate": 0.0}, run={"checkpoint_every": 1})


class StopAfter(Progress):
    """Interrupts a run after a round."""

    def __init__(self, round: int) -> None:
        self._round = round

    def round_finished(self, record: Mapping[str, Any]) -> None:
        if record["round"] == self._round:
            raise KeyboardInterrupt


def test_a_renamed_run_goes_on_to_the_same_bits_and_bytes(tmp_path: Path) -> None:
    (whole,) = simulate.run(SCENARIO, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        simulate.run(SCENARIO, out=tmp_path, progress=StopAfter(2))
    named = tmp_path / f"{SCENARIO.run_id()} of last Tuesday, {'to be kept ' * 8}"
    (tmp_path / SCENARIO.run_id()).rename(named)
    simulate.resume(named)
    assert bits(named) == bits(whole.folder)
    assert not (tmp_path / SCENARIO.run_id()).exists()
