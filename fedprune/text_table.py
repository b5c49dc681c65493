"""Tables as text, aligned for a terminal or in Markdown; the first column holds names, the others figures."""

from __future__ import annotations

import io
from collections.abc import Sequence

Lines = Sequence[Sequence[str]]

WIDEST = 1_000_000
"""Characters of a line; a table that is narrower takes what it needs."""


def aligned(header: Sequence[str], lines: Lines) -> str:
    """The table with names to the left, figures to the right and a rule below the header.

    Widths are those that a terminal gives the characters. Nothing is wrapped or cut, however wide it is.
    """
    # Late: reading a scenario prints no table.
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A box of blanks but for the rule below the header, the third line.
    ruled = Box("    \n    \n -  \n    \n    \n    \n    \n    \n", ascii=True)
    table = Table(box=ruled, show_edge=False, pad_edge=False, header_style="")
    for at, title in enumerate(header):
        table.add_column(Text(title), justify="right" if at else "left", no_wrap=True)
    for line in lines:
        # As Text, so that no cell is read as rich's markup.
        table.add_row(*map(Text, line))
    written = io.StringIO()
    Console(file=written, color_system=None, width=WIDEST).print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def markdown(header: Sequence[str], lines: Lines) -> str:
    """The table in Markdown, with the same alignment; bars within cells are escaped."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in (header, rule, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
