"""Learning-rate schedules: one per file, a frozen dataclass whose fields are keys of ``[schedule]``.

A schedule is a pure function of how far a run or a training has come: no state to save, to resume or to send.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The learning rate's factor over a course of rounds or steps."""

    def factor(self, at: int, total: int) -> float:
        """What ``train.lr`` is multiplied by.

        Args:
            at: rounds or steps that are over, from 0 to ``total`` - 1.
            total: how many there are in all, at least 1.

        Returns:
            A finite number, at least 0.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Course:
    """A schedule after a warm-up, in which the factor rises in a straight line (Goyal et al. 2017).

    Without a schedule the factor is exactly 1 once the warm-up is over.
    """

    schedule: Schedule | None = None
    warmup: float = 0.0
    """Share of all rounds or steps, in [0, 1), rounded to whole ones."""

    def factor(self, at: int, total: int) -> float:
        """What ``train.lr`` is multiplied by; arguments as ``Schedule.factor`` takes them.

        Of w rounds or steps of warm-up the first has 1 / (w + 1) and the last w / (w + 1); the schedule then
        runs over what is left as if nothing had been before. What comes after ``total`` is as the last was.
        """
        at, rising = min(at, total - 1), min(round(self.warmup * total), total - 1)
        if at < rising:
            return (at + 1) / (rising + 1)
        return 1.0 if self.schedule is None else self.schedule.factor(at - rising, total - rising)
