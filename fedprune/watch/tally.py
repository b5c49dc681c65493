"""What a watcher shows of a run, from the run's records alone, one at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fedprune.runs.folder import RunState
from fedprune.score import UNKNOWN, Score

Shown = RunState | Literal["evaluating", "unreadable"]
UNDER_WAY: frozenset[Shown] = frozenset({"running", "evaluating"})
"""States in which more is to come; ``evaluating``: all rounds are done, the results are not there yet."""

_RECENT = 10
"""Rounds over whose mean the time left is estimated."""


@dataclass(frozen=True)
class Standing:
    """A run as it stands. Shares are in [0, 1], bytes and seconds as in ``docs/metrics.md``."""

    label: str
    state: Shown
    round: int
    """How many rounds are done."""
    rounds: int
    """How many rounds the scenario asks for."""
    evaluated: tuple[int, int] | None = None
    """Of a final evaluation under way, how many clients are tested, and how many are to be."""
    score: Score = UNKNOWN
    """How the run's scores are to be read."""
    scored: float | None = None
    """``test_score_after`` of the last round that was tested."""
    loss: float | None = None
    """``train_loss`` of the last round that has one."""
    density: float | None = None
    up: int = 0
    down: int = 0
    """Bytes of the last round; the totals are those of all rounds."""
    up_total: int = 0
    down_total: int = 0
    failed: int = 0
    """Clients without an accepted reply in the last round; the total counts them once a round."""
    failed_total: int = 0
    seconds: float | None = None
    """Seconds that a round takes, as a mean of the last ten."""
    scores: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    """All scores, and all losses, that were measured so far, in order of rounds."""
    trouble: str = ""
    """Why the run is unreadable; empty when it is not."""

    @property
    def left(self) -> float | None:
        """Seconds until the last round is done; None when nothing runs, or nothing is known yet."""
        if self.state != "running" or self.seconds is None:
            return None
        return self.seconds * (self.rounds - self.round)


class Tally:
    """Figures of the rounds so far; ``add`` takes the records of ``rounds.jsonl`` in order."""

    def __init__(self) -> None:
        self.round = 0
        self._last: Mapping[str, Any] = {}
        self._up = self._down = self._failed = 0
        self._density: float | None = None
        self._seconds: deque[float] = deque(maxlen=_RECENT)
        self._scores: list[float] = []
        self._losses: list[float] = []

    def add(self, record: Mapping[str, Any]) -> None:
        """One more round. Raises ValueError for a record that is not the next one's."""
        if record.get("round") != self.round + 1:
            raise ValueError(f"round {self.round + 1} expected, found {record.get('round')!r}")
        self.round, self._last = self.round + 1, record
        self._up += _count(record, "bytes_up")
        self._down += _count(record, "bytes_down")
        self._failed += len(record.get("failed") or ())
        for name, values in (("test_score_after", self._scores), ("train_loss", self._losses)):
            if (value := record.get(name)) is not None:
                values.append(float(value))
        if (density := record.get("density")) is not None:
            self._density = float(density)
        if (seconds := record.get("seconds")) is not None:
            self._seconds.append(float(seconds))

    def standing(
        self,
        label: str,
        state: Shown,
        rounds: int,
        score: Score,
        evaluated: tuple[int, int] | None = None,
    ) -> Standing:
        """The run so far, under what its other files say of it."""
        if state == "running" and evaluated is not None:
            state = "evaluating"
        if state == "running" and self.round >= rounds:
            state = "evaluating"
        return Standing(
            label=label,
            state=state,
            round=self.round,
            rounds=rounds,
            evaluated=evaluated if state == "evaluating" else None,
            score=score,
            scored=self._scores[-1] if self._scores else None,
            loss=self._losses[-1] if self._losses else None,
            density=self._density,
            up=_count(self._last, "bytes_up"),
            down=_count(self._last, "bytes_down"),
            up_total=self._up,
            down_total=self._down,
            failed=len(self._last.get("failed") or ()),
            failed_total=self._failed,
            seconds=sum(self._seconds) / len(self._seconds) if self._seconds else None,
            scores=tuple(self._scores),
            losses=tuple(self._losses),
        )


def _count(record: Mapping[str, Any], name: str) -> int:
    return int(record.get(name) or 0)
