"""Scores: which way is better, what people are shown, and what a gate's threshold means."""

from __future__ import annotations

import pytest

from fedprune.score import Score

ACCURACY, ERROR = Score("accuracy", percent=True), Score("mean absolute error", "mm Hg", False)


def test_a_share_is_shown_in_percent_and_an_error_in_its_unit() -> None:
    assert (ACCURACY.title, ACCURACY.text(0.9312), ACCURACY.factor) == ("accuracy %", "accuracy 93.1%", 100)
    assert ERROR.title == "mean absolute error mm Hg"
    assert ERROR.text(44.21) == "mean absolute error 44.210 mm Hg"
    assert Score("loss").title == "loss"


def test_better_best_and_reached_follow_the_direction() -> None:
    assert ACCURACY.better(0.6, 0.5)
    assert ERROR.better(0.5, 0.6)
    assert not ERROR.better(0.5, 0.5)
    assert (ACCURACY.best([0.1, 0.3]), ERROR.best([0.1, 0.3])) == (0.3, 0.1)
    assert [ERROR.reaches(value, 40.0) for value in (39.0, 40.0, 41.0)] == [True, True, False]


def test_a_gates_quality_is_the_score_or_the_skill_over_chance() -> None:
    assert ACCURACY.quality(0.7, 0.1) == 0.7
    assert [ERROR.quality(value, 60.0) for value in (0.0, 30.0, 60.0, 90.0)] == [1, 0.5, 0, -0.5]
    assert (ERROR.quality(0.0, 0.0), ERROR.quality(1.0, 0.0)) == (1, 0)


@pytest.mark.parametrize("target", [0.0, 1.01, 80.0, -1.0])
def test_a_share_that_no_run_can_reach_is_no_target(target: float) -> None:
    with pytest.raises(ValueError, match=r"accuracy is a share and must lie in \(0, 1\]"):
        ACCURACY.check_target(target)
    ERROR.check_target(target)


def test_a_report_cannot_hold_what_no_model_scores() -> None:
    for score, value in ((ACCURACY, 1.5), (ACCURACY, -0.1), (ERROR, -0.1)):
        with pytest.raises(ValueError, match="test_score_after: "):
            score.check("test_score_after", value)
    ERROR.check("test_score_after", 1e6)
    ERROR.check("test_score_after", None)


def test_a_record_is_read_back_as_it_was() -> None:
    assert Score.of(ERROR.record()) == ERROR


@pytest.mark.parametrize(
    ("score", "value", "error", "shown"),
    [
        (Score("accuracy", percent=True), 0.75, 0.25, "error %"),
        (Score("mean absolute error", "kg", higher_is_better=False), 3.5, 3.5, "mean absolute error kg"),
        (Score("log-likelihood", "nats"), -2.0, 2.0, "minus log-likelihood nats"),
    ],
)
def test_what_a_score_lacks_is_an_error(score: Score, value: float, error: float, shown: str) -> None:
    assert score.error_of(value) == error
    assert score.error.title == shown
    assert not score.error.higher_is_better
    assert score.error.error == score.error
