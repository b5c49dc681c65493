"""Plain text: a line for each round in RUN/trackers/text/rounds.txt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedprune.trackers import TrackedRun, Tracker


@dataclass(frozen=True)
class _Text:
    file: Path

    def log_round(self, round: int, figures: Mapping[str, float]) -> None:
        """See ``Tracker.log_round``."""
        with self.file.open("a", encoding="utf-8") as opened:
            opened.write(f"{round} {dict(figures)}\n")

    def log_results(self, round: int, figures: Mapping[str, float]) -> None:
        """See ``Tracker.log_results``."""
        self.log_round(round, figures)

    def close(self, finished: bool) -> None:
        """Nothing is left to write."""


def open_tracker(folder: Path, run: TrackedRun) -> Tracker:
    """See fedprune.trackers."""
    folder.mkdir(parents=True, exist_ok=True)
    return _Text(folder / "rounds.txt")
