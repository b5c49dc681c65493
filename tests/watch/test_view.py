"""Lines fit the terminal they are drawn on, and say what the figures say."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.score import Score
from fedprune.watch.tally import Standing
from fedprune.watch.view import clock, drawn, plain, sparkline

RUN = Standing(
    label="sub_fedavg hybrid",
    state="running",
    round=12,
    rounds=50,
    score=Score("accuracy", percent=True),
    scored=0.931,
    loss=0.2134,
    density=0.612,
    up=310_000,
    down=330_000,
    up_total=3_720_000,
    down_total=4_020_000,
    failed=1,
    failed_total=2,
    seconds=1.04,
    scores=(0.2, 0.5, 0.931),
    losses=(2.3, 1.0, 0.2134),
)
FIGURES = ("12/50", "93.1%", "0.213", "61.2%", "310 kB", "3.72 MB", "330 kB", "4.02 MB", "2 in all", "0:40")


def test_a_plain_line_says_it_all() -> None:
    assert plain(RUN) == (
        "sub_fedavg hybrid: round 12/50, accuracy 93.1%, loss 0.213, density 61.2%, "
        "up 310 kB (3.72 MB in all), down 330 kB (4.02 MB in all), "
        "failed 1 (2 in all), 1 s a round, 0:40 left, running"
    )


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_single_run_shows_all_its_figures_from_60_columns_on(width: int) -> None:
    text = "\n".join(line.plain for line in drawn([RUN], width, 24))
    assert "…" not in text
    for figure in (*FIGURES, "running", "▁", "█", RUN.label):
        assert figure in text


def test_runs_that_do_not_fit_as_blocks_are_rows_with_what_matters_first() -> None:
    narrow = [line.plain for line in drawn([RUN] * 10, 60, 24)]
    assert len(narrow) == 11
    assert all(figure in narrow[1] for figure in ("sub_fedavg", "12/50", "93.1%", "0.213", "0:40", "running"))
    wide = [line.plain for line in drawn([RUN] * 10, 160, 24)]
    assert all(figure in wide[1] for figure in ("310 kB", "3.72 MB", "330 kB", "4.02 MB", "61.2%"))


def test_where_not_even_rows_fit_those_under_way_are_shown_and_the_rest_is_counted() -> None:
    done = dataclasses.replace(RUN, state="complete", label="done")
    lines = [line.plain for line in drawn([*[done] * 8, RUN, RUN], 80, 6)]
    assert len(lines) == 6
    assert [line.startswith("sub_fedavg") for line in lines[1:5]] == [True, True, False, False]
    assert lines[5] == "and 6 more: 6 complete"


@settings(derandomize=True, deadline=None)
@given(st.integers(20, 220), st.integers(3, 40), st.integers(1, 12), st.text(max_size=60))
def test_nothing_is_wider_or_higher_than_the_terminal(
    width: int, height: int, runs: int, trouble: str
) -> None:
    unreadable = dataclasses.replace(RUN, state="unreadable", trouble=trouble)
    empty = Standing(label="x" * 90, state="stopped", round=0, rounds=10**6)
    lines = drawn([RUN, unreadable, empty, *[RUN] * runs], width, height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), max_size=300), st.integers(1, 80))
def test_a_sparkline_fits_and_spans_least_to_greatest(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(len(values), width)
    if line and len(values) <= width and len(set(values)) > 1:
        assert line[values.index(min(values))] == "▁"
        assert line[values.index(max(values))] == "█"


def test_a_sparkline_shows_the_course() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(list(range(800)), 8) == "▁▂▃▄▅▆▇█"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")]
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert clock(seconds) == text
