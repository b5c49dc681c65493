"""What holds for every schedule there is, and what each gives, computed by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fedprune import plugins
from fedprune.compute.schedules import Course, Schedule
from fedprune.scenario import Scenario, ScenarioError

EVERY = plugins.names("schedules")


def made(name: str, **fields: Any) -> Schedule:
    found: Schedule = plugins.dataclass_of("schedules", name)(**fields)
    return found


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("total", [1, 7, 1000])
def test_a_schedule_begins_at_the_whole_rate_and_never_leaves_the_numbers_there_are(
    name: str, total: int
) -> None:
    factors = [made(name).factor(at, total) for at in range(total)]
    assert factors[0] == 1.0
    assert all(math.isfinite(factor) and factor >= 0 for factor in factors)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (made("constant"), [1, 1, 1, 1, 1, 1, 1, 1]),
        (made("step"), [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]),
        (made("step", milestones=(0.3,), drop=0.5), [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]),
        (made("exponential", decay=0.5), [2.0**-at for at in range(8)]),
        (made("cosine"), [1, 0.9619398, 0.8535534, 0.6913417, 0.5, 0.3086583, 0.1464466, 0.0380602]),
        (
            made("cosine", floor=0.5),
            [1, 0.9809699, 0.9267767, 0.8456709, 0.75, 0.6543291, 0.5732233, 0.5190301],
        ),
    ],
    ids=repr,
)
def test_the_factors_of_eight_rounds_are_those_computed_by_hand(
    schedule: Schedule, factors: list[float]
) -> None:
    assert [schedule.factor(at, 8) for at in range(8)] == pytest.approx(factors, abs=1e-7)


def test_a_warm_up_rises_to_the_whole_rate_and_the_schedule_takes_what_is_left() -> None:
    course = Course(made("step"), warmup=0.25)
    found = [course.factor(at, 16) for at in range(16)]
    assert found[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert found[4:] == pytest.approx([1] * 6 + [0.1] * 3 + [0.01] * 3)
    assert [Course(warmup=0.5).factor(at, 4) for at in range(4)] == pytest.approx([1 / 3, 2 / 3, 1, 1])


def test_a_course_holds_its_last_rate_past_its_end_and_one_of_a_single_round_is_whole() -> None:
    course = Course(made("exponential", decay=0.5))
    assert course.factor(3, 4) == course.factor(4, 4) == course.factor(99, 4) == 0.125
    assert Course(made("cosine"), warmup=0.9).factor(0, 1) == 1.0


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"name": "step", "milestones": [0.7, 0.5]}, r"\[schedule\] milestones: must rise"),
        ({"name": "step", "milestones": [0.0]}, r"\[schedule\] milestones: must rise"),
        ({"name": "step", "drop": 0.0}, r"\[schedule\] drop: must lie in"),
        ({"name": "exponential", "decay": 1.5}, r"\[schedule\] decay: must lie in"),
        ({"name": "cosine", "floor": -0.1}, r"\[schedule\] floor: must lie in"),
        ({"name": "cosin"}, r"\[schedule\] name: unknown learning-rate schedule 'cosin'.*'cosine'"),
        ({"warmup": 1.0}, r"\[schedule\] warmup"),
        ({"over": "epochs"}, r"\[schedule\] over"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(ScenarioError, match=line):
        Scenario.from_dict({"schedule": keys})
