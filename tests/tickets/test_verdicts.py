"""Verdicts say yes, no or level as tests do, in the direction of the score."""

from __future__ import annotations

from typing import Any

from fedprune.score import Score
from fedprune.tickets.verdicts import beats, relation, told

ACCURACY = Score("accuracy", percent=True)
ERROR = Score("mean absolute error", unit="mm", higher_is_better=False)


def apart(mean: float, p: float, half: float = 0.01) -> dict[str, Any]:
    return {"mean": mean, "low": mean - half, "high": mean + half, "p": p, "p_holm": p}


def test_a_mask_that_beats_all_names_the_closest() -> None:
    found = {"random": apart(0.041, 0.002), "dense": apart(0.017, 0.008)}
    assert beats("own mask", found, list(found), ACCURACY) == (
        "yes: own mask beats dense by 1.70 points [0.70, 2.70]; p = 0.008 (Holm); the other by more"
    )


def test_one_that_is_level_with_any_is_not_shown_to_win() -> None:
    found = {"random": apart(0.04, 0.002), "dense": apart(0.003, 0.4)}
    assert beats("own mask", found, list(found), ACCURACY) == (
        "not shown: own mask is level with dense: +0.30 points [-0.70, 1.30]; p = 0.4 (Holm)"
    )


def test_one_that_loses_to_any_is_a_no() -> None:
    found = {"random": apart(0.04, 0.002), "dense": apart(-0.03, 0.01)}
    assert beats("own mask", found, list(found), ACCURACY) == (
        "no: own mask loses to dense by 3.00 points [2.00, 4.00]; p = 0.01 (Holm)"
    )


def test_a_lower_error_is_the_better_one() -> None:
    assert relation(apart(-0.5, 0.01), ERROR) == "beats"
    assert beats("own mask", {"dense": apart(-0.5, 0.01, 0.1)}, ["dense"], ERROR) == (
        "yes: own mask beats dense by 0.500 mm [0.400, 0.600]; p = 0.01 (Holm)"
    )


def test_a_single_test_says_yes_or_not_shown() -> None:
    texts = [told(p, "so") for p in (0.01, 0.2, None)]
    assert texts == ["yes: so; p = 0.01", "not shown: so; p = 0.2", "so"]
