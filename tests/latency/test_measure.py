"""Answers on a clock: candidates take turns, and figures are those of their seconds."""

from __future__ import annotations

import time

import pytest

from fedprune.latency.measure import BLOCK, WARM_UP, interleaved


def test_candidates_take_turns_and_each_begins_one() -> None:
    asked: list[str] = []
    timings = interleaved({name: lambda name=name: asked.append(name) for name in "abc"}, 2 * BLOCK + 1)  # type: ignore[misc]
    turns = [asked[at] for at in range(0, len(asked), BLOCK + WARM_UP)]
    assert "".join(turns) == "abcbcacab"
    assert set(timings) == {"a", "b", "c"}


def test_quantiles_rise_and_the_best_is_not_above_the_median() -> None:
    (timing,) = interleaved({"slow": lambda: time.sleep(1e-3)}, BLOCK).values()
    assert 1e-3 <= timing.best <= timing.p50 <= timing.p90 <= timing.p99


@pytest.mark.parametrize("queries", [1, BLOCK])
def test_queries_are_whole_turns(queries: int) -> None:
    asked: list[int] = []
    interleaved({"one": lambda: asked.append(1)}, queries)
    assert len(asked) == BLOCK + WARM_UP
