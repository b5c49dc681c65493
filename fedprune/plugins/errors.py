"""What can be wrong with a plug-in, each told in one line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from fedprune.types import UserError


class PluginError(UserError):
    """A plug-in that cannot be used."""


class UnknownPluginError(PluginError):
    """No plug-in of that kind has that name."""


class BrokenPluginError(PluginError):
    """A plug-in that is there and does not work, with its file and line."""


def suggest(name: str, known: Sequence[str]) -> str:
    """``", did you mean 'x'?"`` for a near miss or the beginning of names, else the list of what is known."""
    begun = [each for each in known if len(name) > 2 and each.startswith(name)]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6 if not begun else 0.9) or begun
    meant = " or ".join(f"'{each}'" for each in near)
    return f", did you mean {meant}?" if near else f"; known: {', '.join(known)}"


def shown(path: Path) -> str:
    """A file for a message: from the working directory where it is inside, else its whole path."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
