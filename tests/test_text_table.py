"""Tables are aligned as a terminal shows them, whatever their cells hold."""

from __future__ import annotations

from rich.cells import cell_len

from fedprune.text_table import aligned, markdown


def test_figures_end_below_one_another_and_names_begin_so() -> None:
    heading, rule, *lines = aligned(["run", "MB"], [["short", "12.5"], ["日本語 run", "1"]]).splitlines()
    assert heading.startswith("run ")
    assert set(rule) == {"-", " "}
    assert [line.split()[-1] for line in lines] == ["12.5", "1"]
    assert len({cell_len(line) for line in (heading, *lines)}) == 1


def test_nothing_is_cut_wrapped_or_read_as_markup() -> None:
    long = "[red]" + "x" * 3000
    *_, line = aligned(["run", "MB"], [[long, "1"]]).splitlines()
    assert line.split() == [long, "1"]


def test_a_table_without_lines_is_its_header() -> None:
    assert aligned(["run"], []).splitlines()[0] == "run"
    assert markdown(["run", "MB"], []).splitlines() == ["| run | MB |", "| --- | ---: |"]


def test_a_bar_in_a_cell_of_markdown_is_no_border() -> None:
    assert markdown(["run"], [["a|b"]]).splitlines()[-1] == "| a\\|b |"
