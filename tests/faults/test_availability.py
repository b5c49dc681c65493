"""Who can be asked when: drawn periods, and traces in Parquet files with FedScale's columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fedprune.faults import strikes
from fedprune.faults.availability import Periodic, read_trace, soonest
from fedprune.types import UserError


def trace(tmp_path: Path, **columns: list[Any]) -> Path:
    pl.DataFrame(columns).write_parquet(tmp_path / "trace.parquet")
    return tmp_path / "trace.parquet"


def test_a_client_is_there_for_its_share_of_every_period() -> None:
    found = Periodic(10.0, 0.3, np.array([0.0, 9.0]))
    there = [found.there(float(now)).tolist() for now in range(13)]
    assert [first for first, _ in there] == [now % 10 < 3 for now in range(13)]
    assert [second for _, second in there] == [(now - 9) % 10 < 3 for now in range(13)]


def test_moments_are_drawn_by_the_seed_and_the_share_is_met_on_average() -> None:
    found = Periodic.drawn(100.0, 0.25, 4000, seed=1)
    assert found.there(17.0).mean() == pytest.approx(0.25, abs=0.03)
    assert (found.starts == Periodic.drawn(100.0, 0.25, 4000, seed=1).starts).all()


def test_a_trace_is_read_as_fedscale_reads_its_own(tmp_path: Path) -> None:
    # The figures are those of FedScale's own test of is_active.
    path = trace(tmp_path, active=[[1, 3, 6, 9]], inactive=[[1, 4, 7, 10]], finish_time=[10], model=["x"])
    found = read_trace(path, 1)
    there = {now: bool(found.there(float(now))[0]) for now in (2, 6, 8, 9, 10, 15)}
    assert there == {2: False, 6: True, 8: False, 9: True, 10: False, 15: False}


def test_clients_take_the_rows_in_turn(tmp_path: Path) -> None:
    path = trace(tmp_path, active=[[0], [5]], inactive=[[4], [9]], finish_time=[10, 10])
    assert read_trace(path, 5).there(2.0).tolist() == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"active": [[1]], "inactive": [[2]]}, "cannot read"),
        ({"active": [[1, 3]], "inactive": [[2]], "finish_time": [9]}, "row 0: needs as many"),
        ({"active": [[1]], "inactive": [[2]], "finish_time": [0]}, "row 0: needs as many"),
        ({"active": [["a"]], "inactive": [[2]], "finish_time": [9]}, "cannot read"),
    ],
)
def test_a_trace_that_is_none_is_told_with_its_place(
    columns: dict[str, list[Any]], why: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=why):
        read_trace(trace(tmp_path, **columns), 1)


def test_a_server_waits_for_the_first_client_and_not_for_ever(tmp_path: Path) -> None:
    night = Periodic(1000.0, 0.1, np.array([500.0]))
    assert soonest(night, 20.0) == pytest.approx(500.0, abs=1.0)
    assert soonest(night, 550.0) == 550.0
    nobody = trace(tmp_path, active=[[20]], inactive=[[30]], finish_time=[10])
    with pytest.raises(UserError, match="no client is ever there"):
        soonest(read_trace(nobody, 3), 0.0)


def test_a_larger_share_strikes_whom_a_smaller_one_does_and_more() -> None:
    struck = {
        share: {
            (round, client)
            for round in range(40)
            for client in range(50)
            if strikes("crash", share, seed=0, round=round, client=client)
        }
        for share in (0.0, 0.1, 0.3, 1.0)
    }
    assert struck[0.0] < struck[0.1] < struck[0.3] < struck[1.0]
    assert len(struck[0.3]) / 2000 == pytest.approx(0.3, abs=0.03)
