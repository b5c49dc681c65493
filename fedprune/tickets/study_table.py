"""The tables that studies show: a title, aligned columns, and notes on how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fedprune.text_table import aligned


@dataclass(frozen=True)
class StudyTable:
    """One table of a study's result: a title, a header, and lines of as many cells.

    ``notes`` say how the figures were made.
    """

    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def render(self) -> str:
        """The table as text: the title, then columns and notes, indented."""
        below = [*aligned(self.header, self.lines).splitlines(), *self.notes]
        return "\n".join([self.title, *(f"  {line}" for line in below)])


def number(value: float | None, digits: int = 3, factor: float = 1.0) -> str:
    """A figure times ``factor`` with so many digits; a dash for what was not measured."""
    return "-" if value is None else f"{value * factor:.{digits}f}"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, signed."""
    return "-" if value is None else f"{value * 100:+.2f}"


def interval(low: float | None, high: float | None) -> str:
    """The ends of a difference's interval in percentage points; a dash for what was not measured."""
    return "-" if low is None or high is None else f"[{points(low)}, {points(high)}]"
