"""The tables that studies show: a title, aligned columns, and notes on how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fedprune.score import Score
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


def difference(value: float | None, score: Score) -> str:
    """A difference of two scores in ``score.difference_unit``, signed; a dash for what was not measured."""
    return "-" if value is None else f"{value * score.factor:+.{score.digits}f}"


def interval(low: float | None, high: float | None, score: Score) -> str:
    """The ends of a difference's interval, as ``difference`` shows them."""
    if low is None or high is None:
        return "-"
    return f"[{difference(low, score)}, {difference(high, score)}]"


def lower_is_better(score: Score, own: str) -> list[str]:
    """The note that a table of ``own`` less others needs where less is better; else none."""
    if score.higher_is_better:
        return []
    return [f"lower is better: below zero {own} is better than what it is compared with"]
