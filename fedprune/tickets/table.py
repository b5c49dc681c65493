"""Results as aligned text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """A title, a header, and lines of equal length; ``notes`` say how it was made."""

    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def render(self) -> str:
        """First column to the left, all others to the right."""
        cells = [list(self.header), *map(list, self.lines)]
        widths = [max(len(row[at]) for row in cells) for at in range(len(self.header))]
        text = [
            "  ".join(
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        return "\n".join([self.title, *(f"  {line}" for line in text), *(f"  {note}" for note in self.notes)])


def number(value: float | None, digits: int = 3, factor: float = 1.0) -> str:
    """A dash for what was not measured."""
    return "-" if value is None else f"{value * factor:.{digits}f}"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, signed."""
    return "-" if value is None else f"{value * 100:+.2f}"


def interval(low: float | None, high: float | None) -> str:
    """Of a difference, in percentage points."""
    return "-" if low is None or high is None else f"[{points(low)}, {points(high)}]"
