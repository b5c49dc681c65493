"""What ``fedprune compare`` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from fedprune.comparison import FACTS, Comparison
from fedprune.comparison.bits import EQUAL
from fedprune.comparison.facts import Fact
from fedprune.comparison.paired import Line
from fedprune.text_table import aligned, markdown
from fedprune.types import printable

MOST_TOLD = 5
"""Differences of files that are told; the rest are counted."""


def render(found: Comparison, form: Literal["text", "markdown", "json"] = "text") -> str:
    """The comparison as text, in Markdown, or as JSON."""
    if form == "json":
        return json.dumps(found.record(), indent=2)
    table = markdown if form == "markdown" else aligned
    names = [printable(label) for label in found.labels]
    parts = [f"first: {_side(found, 0)}\nsecond: {_side(found, 1)}"]
    for what in FACTS:
        differing: list[Fact] = getattr(found, what)
        rows = [[printable(text) for text in (fact.name, fact.first, fact.second)] for fact in differing]
        parts.append(table([what, "first", "second"], rows) if rows else f"{what}: equal")
    parts.append(_told(found))
    parts.append(table(["result", *names, "difference", "95 % interval", "second is"], _lines(found.lines)))
    parts.append(_note(found))
    return "\n\n".join(parts)


def _side(found: Comparison, side: int) -> str:
    runs = found.runs[side]
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return f"{printable(found.labels[side])} ({runs[0]}{more})"


def _told(found: Comparison) -> str:
    """Whether the results are equal to the bit, or where they first differ."""
    if found.equal:
        return f"results: {EQUAL}"
    told = [f"  {printable(line)}" for line in found.results[:MOST_TOLD]]
    more = len(found.results) - len(told)
    rest = [f"  and {more} more"] if more > 0 else []
    return "\n".join(["results: they differ, first in", *told, *rest])


def _lines(lines: Sequence[Line]) -> list[list[str]]:
    return [
        [
            line.title,
            f"{line.first:.{line.digits}f}",
            f"{line.second:.{line.digits}f}",
            _signed(line.shift, line.digits),
            _interval(line),
            line.verdict or "-",
        ]
        for line in lines
    ]


def _interval(line: Line) -> str:
    found = line.difference
    if found is None or found.low is None or found.high is None:
        return "-"
    return f"[{_signed(found.low, line.digits)}, {_signed(found.high, line.digits)}]"


def _signed(value: float, digits: int) -> str:
    """A difference with its sign, in its line's digits; one that they would hide, by its size."""
    hidden = value and abs(value) < 0.5 * 10**-digits
    return f"{value:+.0e}" if hidden else f"{value:+.{digits}f}"


def _note(found: Comparison) -> str:
    said = "Final evaluation, mean over clients; the difference is the second less the first."
    if not found.over:
        return f"{said} The clients of the two runs hold different samples, so that nothing is paired."
    return f"{said} Interval: Student's t over {found.over}, paired; level: it holds 0."
