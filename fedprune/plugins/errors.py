"""What can be wrong with a plug-in, each told in one line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from fedprune.types import UserError, printable


class PluginError(UserError):
    """A plug-in that cannot be used."""

    def __init__(self, line: str) -> None:
        super().__init__(printable(line))


class UnknownPluginError(PluginError):
    """No plug-in of that kind has that name."""


class BrokenPluginError(PluginError):
    """A plug-in that is there and does not work, with its file and line."""


def suggest(name: str, known: Sequence[str]) -> str:
    """``", did you mean 'x'?"`` for a near miss, else the list of what is known."""
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"


def shown(path: Path) -> str:
    """A file for a message: from the working directory where it is inside, else its whole path."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
