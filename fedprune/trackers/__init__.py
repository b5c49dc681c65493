"""Experiment trackers: each a file that hands a run's settings and figures to one library, nothing else.

A tracker's file offers ``open_tracker(folder, run)``, which returns a ``Tracker``, and imports its library
only then. What calls it (``feed``) gives each round once, over all sessions of a run, and survives
whatever it raises. A tracker writes only into its folder, ``RUN/trackers/<name>/``, and never to a network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


class TrackerError(Exception):
    """A tracker cannot do its work; told in one line, and never the end of a run."""


@dataclass(frozen=True)
class TrackedRun:
    """The facts that a tracker is told of a run before its first round."""

    id: str
    """The run folder's name."""
    label: str
    """The name that tables give the run."""
    settings: Mapping[str, bool | int | float | str]
    """``section.key`` -> value of the resolved scenario, lists and tables as JSON; and the ``score``."""


class Tracker(Protocol):
    """One session of one run in a library. Any exception ends it, and only it."""

    def log_round(self, round: int, figures: Mapping[str, float]) -> None:
        """A round's figures, by their names and in their units in ``docs/metrics.md``; not measured, not in
        it. Rounds come in ascending order and are the steps of the library."""

    def log_results(self, round: int, figures: Mapping[str, float]) -> None:
        """The final figures, measured after the last round ``round``; once in a run's life."""

    def close(self, finished: bool) -> None:
        """The last call: write out what is left; ``finished`` tells whether the run has its results."""


@contextmanager
def from_extra(name: str) -> Iterator[None]:
    """Around the import of a library: when that fails, says which extra of fedprune brings it."""
    try:
        yield
    except ImportError as error:
        raise TrackerError(f"{error}; install it in the checkout: pip install '.[{name}]'") from error


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables that are set inside, and afterwards as they were."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
