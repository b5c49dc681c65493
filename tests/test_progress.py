"""Progress: a bar on a terminal, few plain lines elsewhere, one object a line as JSON."""

from __future__ import annotations

import io
import json
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.progress import JsonProgress, LineProgress, LiveProgress, Progress, Units, progress_on, size
from fedprune.score import Score
from tests.terminal import terminal

ACCURACY = Score("accuracy", percent=True)


def report(progress: Progress, rounds: int) -> None:
    """A whole run of that many rounds, the last of them tested."""
    progress.run_started("mine-0123-s0", "fedavg [b]", rounds, 0, ACCURACY)
    for number in range(1, rounds + 1):
        record = {
            "round": number,
            "rounds": rounds,
            "density": 0.5,
            "train_loss": 1.25,
            "bytes_up": 1000,
            "bytes_down": 2000,
            "bytes_up_total": 1000 * number,
            "bytes_down_total": 2000 * number,
            "seconds": 0.1,
            "test_score_after": 0.875 if number == rounds else None,
        }
        progress.round_finished(record)
    progress.run_finished({"run": "mine-0123-s0", "test_score_personal": 0.875})
    progress.close()
    progress.close()


def test_lines_are_few_but_the_first_and_the_last_round_are_told() -> None:
    stream = io.StringIO()
    report(progress_on(stream), 500)
    assert stream.getvalue().splitlines() == [
        "fedavg [b]: 500 rounds, in mine-0123-s0",
        "fedavg [b]: round 1/500, loss 1.250, density 50.0%, up 1 kB, down 2 kB",
        "fedavg [b]: round 500/500, accuracy 87.5%, loss 1.250, density 50.0%, up 500 kB, down 1 MB",
    ]


def test_a_run_that_goes_on_says_how_far_it_was() -> None:
    stream = io.StringIO()
    LineProgress(stream).run_started("mine-0123-s0", "fedavg", 20, 7, ACCURACY)
    assert stream.getvalue() == "fedavg: 20 rounds, 7 of them done, in mine-0123-s0\n"


def test_a_run_that_goes_on_counts_what_it_spent_before() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.run_started("mine-0123-s0", "fedavg", 20, 7, ACCURACY)
    progress.round_finished({"round": 8, "bytes_up": 10, "bytes_up_total": 80, "bytes_down_total": 160})
    assert stream.getvalue().splitlines()[1] == "fedavg: round 8/20, up 80 B, down 160 B"


@pytest.mark.parametrize("make", [LineProgress, LiveProgress, JsonProgress])
def test_a_note_is_one_line_whatever_it_holds(make: type[Progress]) -> None:
    stream = io.StringIO()
    progress = make(stream)  # type: ignore[call-arg]
    progress.note("[b]kept[/b] " + "x" * 200)
    progress.close()
    (line,) = filter(None, stream.getvalue().splitlines())
    assert "[b]kept[/b] " + "x" * 200 in line


def test_a_round_that_knows_little_is_told_all_the_same() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.run_started("mine-0123-s0", "fedavg", 1, 0, ACCURACY)
    progress.round_finished({"round": 1, "train_loss": None})
    assert stream.getvalue().splitlines()[1] == "fedavg: round 1/1, up 0 B, down 0 B"


def test_json_is_one_object_a_line_with_every_round() -> None:
    stream = io.StringIO()
    report(JsonProgress(stream), 3)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["run_started", *["round_finished"] * 3, "run_finished"]
    assert {line["run"] for line in lines} == {"mine-0123-s0"}
    assert lines[3]["test_score_after"] == 0.875


def test_a_terminal_gets_a_bar_with_the_figures() -> None:
    with terminal() as (writer, seen), open(os.dup(writer), "w", encoding="utf-8") as stream:
        progress = progress_on(stream)
        assert isinstance(progress, LiveProgress)
        report(progress, 3)
    text = b"".join(seen).decode()
    assert "fedavg [b]" in text
    assert "3/3" in text


def test_the_run_under_way_is_known_until_it_ends() -> None:
    progress = Progress()
    progress.run_started("mine-0123-s0", "fedavg", 1, 0, ACCURACY)
    assert progress.run_id == "mine-0123-s0"
    progress.run_finished({})
    assert progress.run_id == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (5 * 10**15, "5e+03 TB"),
    ],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert size(count) == text


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 10**14))
def test_a_size_is_right_to_half_a_percent(count: int) -> None:
    number, unit = size(count).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert float(number) * factor == pytest.approx(count, rel=0.005)


def test_counted_work_is_told_now_and_then_and_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    stream = io.StringIO()
    units = Units(stream)
    for done in range(4):
        units("retrain", done, 3)
    units.close()
    assert stream.getvalue().splitlines() == ["retrain: 0/3", "retrain: 3/3"]


def test_counted_work_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    units = Units(stream)
    units("overlap", 6, 6)
    units("retrain", 2, 3)
    units.close()
    units.close()
    text = stream.getvalue()
    assert "overlap" in text
    assert "2/3" in text
