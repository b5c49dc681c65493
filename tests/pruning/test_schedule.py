"""Schedules never fall, never overshoot, and end exactly at the target."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.pruning.schedule import gradual, iterative, one_shot

quick = settings(derandomize=True, deadline=None, max_examples=100)
targets = st.floats(0, 1)


@quick
@given(begin=st.integers(1, 30), length=st.integers(0, 30), target=targets)
def test_gradual_rises_from_nothing_to_exactly_the_target(begin: int, length: int, target: float) -> None:
    path = [gradual(round, begin=begin, end=begin + length, target=target) for round in range(1, 70)]
    assert path == sorted(path)
    assert all(path[round - 1] == 0 for round in range(1, begin))
    assert all(value == target for value in path[begin + length - 1 :])
    assert max(path) == target


def test_gradual_is_the_papers_polynomial() -> None:
    path = [gradual(round, begin=2, end=6, target=0.8) for round in (2, 3, 4, 5, 6)]
    assert path == pytest.approx([0, 0.8 * (1 - 27 / 64), 0.8 * (1 - 1 / 8), 0.8 * (1 - 1 / 64), 0.8])


@quick
@given(begin=st.integers(1, 30), target=targets)
def test_one_shot_is_all_or_nothing(begin: int, target: float) -> None:
    path = [one_shot(round, begin=begin, target=target) for round in range(1, 60)]
    assert path == [0.0] * (begin - 1) + [target] * (60 - begin)


@quick
@given(step=st.floats(0.05, 1), target=st.floats(0, 0.999))
def test_iterative_steps_take_their_share_until_the_target_is_met_exactly(step: float, target: float) -> None:
    path = [iterative(steps, step=step, target=target) for steps in range(200)]
    assert path[0] == 0
    assert path == sorted(path)
    assert path[-1] == target
    for before, after in itertools.pairwise(path):
        assert after == target or after == pytest.approx(before + step * (1 - before))
