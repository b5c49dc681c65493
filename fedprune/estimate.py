"""``Estimate``: a mean over seeds (or clients) with its 95 % t-interval: the one meaning of "±" in fedprune.

Every table, picture, study and comparison takes its means and intervals from here. A standard deviation is
called so wherever one is shown, and never stands behind "±".
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
"""How often an interval holds the true mean, where the values are normally distributed."""

PLUS_MINUS = "±: half of the 95 % t-interval over seeds; one seed has none"
"""What a table with "±" says below it."""

LEVEL = "level"
"""What two things are called whose difference cannot be told from 0."""


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` values; ``low`` and ``high`` bound its 95 % t-interval, None for a single value."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half(self) -> float | None:
        """What stands behind "±": half of the interval's width; None for a single value."""
        return None if self.high is None else self.high - self.mean

    @property
    def level(self) -> bool:
        """Of an estimated difference: whether it cannot be told from 0.

        It cannot where its interval holds 0. A single value has no interval: only 0 itself is level.
        """
        if self.low is None or self.high is None:
            return self.mean == 0
        return self.low <= 0 <= self.high


def estimate(values: Sequence[float], every: int | None = None) -> Estimate | None:
    """Mean and 95 % t-interval of values; None of no values.

    Args:
        values: what was measured.
        every: how many there are, where the values are a random sample of so many without replacement. The
            interval is then that of the mean over all, narrower by the finite population correction
            sqrt(1 - n / every) (Cochran, Sampling Techniques, 3rd edition, 1977, section 2.8).
    """
    if not values:
        return None
    mean, n = statistics.fmean(values), len(values)
    if n == 1:
        return Estimate(mean, None, None, 1)
    left_out = 1.0 if every is None else 1 - n / every
    half = student_t(n - 1) * statistics.stdev(values) / math.sqrt(n) * math.sqrt(left_out)
    return Estimate(mean, mean - half, mean + half, n)


def student_t(freedom: int) -> float:
    """97.5 % quantile of Student's t: the half-width of a 95 % interval in standard errors."""
    # Late: a table of single runs needs no interval, and scipy takes a tenth of a second.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
