"""The metrics' names are documented, and what is made of many clients' values is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.runs.metrics import CLOCK_FIELDS, METRICS, markdown, summarise
from fedprune.score import Score

ACCURACY, ERROR = Score("accuracy", percent=True), Score("error", higher_is_better=False)

ROOT = Path(__file__).parents[2]


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == markdown(), (
        "run: python -m fedprune.runs.metrics > docs/metrics.md"
    )


def test_every_clock_field_is_a_metric() -> None:
    assert {name for metrics in METRICS.values() for name in metrics} >= CLOCK_FIELDS


@pytest.mark.parametrize("file", ["rounds.jsonl", "clients.jsonl"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_bytes_are_split_the_same_way_everywhere(file: str, direction: str) -> None:
    parts = [name for name in METRICS[file] if name.startswith(f"bytes_{direction}_")]
    assert [name.rpartition("_")[2] for name in parts] == ["values", "mask", "side", "overhead"]


def test_a_summary_worked_by_hand() -> None:
    assert summarise([0.2, 1.0, 0.6], ACCURACY) == pytest.approx(
        {"mean": 0.6, "std": (0.32 / 3) ** 0.5, "worst10": 0.2}
    )
    assert summarise([0.5], ACCURACY) == {"mean": 0.5, "std": 0.0, "worst10": 0.5}


@pytest.mark.parametrize(
    ("clients", "worst"), [(1, 1), (9, 1), (10, 1), (11, 2), (30, 3), (70, 7), (100, 10)]
)
def test_the_worst_tenth_is_rounded_up(clients: int, worst: int) -> None:
    """0.1 * 30 is a little more than 3, which must not make it 4."""
    assert summarise([0.0] * worst + [1.0] * (clients - worst), ACCURACY)["worst10"] == 0
    assert (
        worst == clients
        or summarise([0.0] * (worst - 1) + [1.0] * (clients - worst + 1), ACCURACY)["worst10"] > 0
    )


@settings(derandomize=True, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_clients_does_not_change_a_bit(values: list[float], chance: object) -> None:
    shuffled = list(values)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert summarise(shuffled, ACCURACY) == summarise(values, ACCURACY)


def test_the_worst_of_an_error_are_the_highest() -> None:
    assert summarise([0.2, 1.0, 0.6], ERROR)["worst10"] == 1.0


def test_nothing_cannot_be_summarised() -> None:
    with pytest.raises(ValueError, match="nothing"):
        summarise([], ACCURACY)
