"""``fedprune watch``: runs that other processes work on, shown while they go on, from their files alone.

``follow`` reads, ``tally`` counts, ``view`` draws.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live

from fedprune.runs.files import RunError
from fedprune.watch.follow import Runs
from fedprune.watch.tally import UNDER_WAY, Standing
from fedprune.watch.view import drawn, plain

SECONDS = 1.0
"""Seconds between two looks at the run folders."""

Seen = Mapping[Path, Standing]


def watch(paths: Sequence[Path], stream: TextIO, *, once: bool = False) -> None:
    """Show the runs at ``paths``, and in them, until none goes on; with ``once``, as they stand now.

    A terminal is drawn upon in place; else there is a line for each run that has got further. Raises RunError
    for a path without a run, for damaged files, and, unless ``once``, when a run ended without its results.
    """
    runs = Runs(paths)
    if once:
        seen: Seen = runs.look()
        _print(seen, stream)
    else:
        seen = _follow(runs, stream)
    _complain(seen, ended=not once)


def _follow(runs: Runs, stream: TextIO) -> Seen:
    with ExitStack() as stack:
        show = stack.enter_context(_Screen(stream)) if stream.isatty() else _Lines(stream)
        show(seen := runs.look())
        while not runs.over(seen):
            time.sleep(SECONDS)
            show(seen := runs.look())
    return seen


def _print(seen: Seen, stream: TextIO) -> None:
    if not stream.isatty():
        _Lines(stream)(seen)
        return
    console = Console(file=stream)
    for line in drawn(list(seen.values()), console.width):
        console.print(line)


class _Lines:
    """A plain line for each run that is new or has changed its round or state, or has evaluated a tenth more
    of its clients."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: dict[Path, tuple[int, str, int]] = {}

    def __call__(self, seen: Seen) -> None:
        for path, run in seen.items():
            done, clients = run.evaluated or (0, 1)
            stands = (run.round, run.state, 10 * done // max(1, clients))
            if self._told.get(path) != stands:
                self._told[path] = stands
                print(plain(run), file=self._stream, flush=True)


class _Screen:
    """Drawn in place; what was drawn last stays when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self._live = Live(console=Console(file=stream), auto_refresh=False)

    def __enter__(self) -> _Screen:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def __call__(self, seen: Seen) -> None:
        # The line below the last one belongs to the cursor.
        width, height = self._live.console.size
        self._live.update(Group(*drawn(list(seen.values()), width, height - 1)), refresh=True)


def _complain(seen: Seen, *, ended: bool) -> None:
    """Raises RunError for what cannot be read, and, at the end, for runs that stopped before theirs."""
    for run in seen.values():
        if run.state == "unreadable":
            raise RunError(run.trouble)
    cut = [str(path) for path, run in seen.items() if run.state not in {*UNDER_WAY, "complete"}]
    if ended and cut:
        raise RunError(f"ended without results; go on with: fedprune resume {' '.join(cut)}")
