"""Figures of a run are those of its records: the last, the sums, and what is left."""

from __future__ import annotations

import pytest

from fedprune.score import Score
from fedprune.watch.tally import Tally
from fedprune.watch.view import drawn, plain
from tests.watch.records import record

ACCURACY = Score("accuracy", percent=True)


def tally(*records: dict[str, object]) -> Tally:
    made = Tally()
    for line in records:
        made.add(line)
    return made


def test_nothing_is_known_before_the_first_round() -> None:
    run = Tally().standing("a", "running", 5, ACCURACY)
    assert (run.round, run.scored, run.loss, run.seconds, run.left) == (0, *[None] * 4)


def test_what_was_measured_last_is_shown_and_bytes_and_failures_add_up() -> None:
    gone = [{"client": 3, "reason": "late"}, {"client": 4, "reason": "late"}]
    run = tally(
        record(1, test_score_after=0.25, failed=gone),
        record(2, test_score_after=0.75),
        record(3, train_loss=None, failed=gone[:1], density=0.25),
    ).standing("a", "running", 5, ACCURACY)
    assert (run.round, run.rounds) == (3, 5)
    assert (run.scored, run.scores) == (0.75, (0.25, 0.75))
    assert (run.loss, run.losses) == (0.5, (1.0, 0.5))
    assert (run.up, run.up_total) == (3000, 6000)
    assert (run.down, run.down_total) == (6000, 12000)
    assert (run.failed, run.failed_total) == (1, 3)
    assert run.density == 0.25


def test_the_time_left_is_that_of_recent_rounds_and_only_of_a_run_that_goes_on() -> None:
    slow = [record(number, seconds=100.0) for number in range(1, 4)]
    fast = [record(number, seconds=2.0) for number in range(4, 14)]
    assert tally(*slow, *fast).standing("a", "running", 20, ACCURACY).left == pytest.approx(14.0)
    assert tally(*slow, *fast).standing("a", "stopped", 20, ACCURACY).left is None


def test_after_the_last_round_the_final_evaluation_goes_on() -> None:
    assert tally(record(1)).standing("a", "running", 1, ACCURACY).state == "evaluating"
    assert tally(record(1)).standing("a", "complete", 1, ACCURACY).state == "complete"


@pytest.mark.parametrize("wrong", [{}, record(1), record(3), {"round": "2"}])
def test_a_record_that_is_not_the_next_one_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="round 2 expected"):
        tally(record(1)).add(wrong)


def test_a_final_evaluation_says_how_far_it_has_come_also_before_the_last_round_that_was_asked_for() -> None:
    run = tally(record(1)).standing("a", "running", 5, ACCURACY, (120, 1000))
    assert (run.state, run.evaluated) == ("evaluating", (120, 1000))
    assert "evaluating 120/1000 clients" in plain(run)
    assert any("evaluating 120/1000 clients" in line.plain for line in drawn([run], 80))
    assert tally(record(1)).standing("a", "stopped", 5, ACCURACY, (120, 1000)).evaluated is None
