"""``Score``: what the numbers called ``*_score_*`` measure, in which unit, and which way is better.

Records and tables of a run hold bare numbers under names that are the same for every task. This value says
how to read them; a run folder keeps it in ``task.json``. It needs no framework, so that whatever shows a run
can use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """The name, unit and direction of a task's score."""

    name: str
    """What it measures, in lower case: "accuracy", "mean absolute error"."""
    unit: str = ""
    """The unit of the recorded numbers, for example "mm Hg"; empty for a plain number or a share."""
    higher_is_better: bool = True
    percent: bool = False
    """Whether the recorded numbers are shares in [0, 1], which people are shown as percent."""

    @classmethod
    def of(cls, record: dict[str, Any]) -> Score:
        """Inverse of ``record``."""
        return cls(**record)

    def record(self) -> dict[str, Any]:
        """The score's fields as plain data for a JSON file."""
        return asdict(self)

    @property
    def factor(self) -> float:
        """What a recorded number is multiplied by before people are shown it."""
        return 100.0 if self.percent else 1.0

    @property
    def shown_unit(self) -> str:
        """The unit of what people are shown; empty for a plain number."""
        return "%" if self.percent else self.unit

    @property
    def digits(self) -> int:
        """Decimals that people are shown."""
        return 2 if self.percent else 3

    @property
    def title(self) -> str:
        """The name with its unit, as the head of a table's column: "accuracy %"."""
        return self.with_unit(self.name)

    def with_unit(self, text: str) -> str:
        """``text`` with the unit that people are shown behind it, if there is one."""
        return f"{text} {self.shown_unit}".rstrip()

    def value_text(self, value: float) -> str:
        """A recorded number with its unit, in short: "93.1%", "44.210 mm Hg"."""
        return f"{value:.1%}" if self.percent else self.with_unit(f"{value:.{self.digits}f}")

    def text(self, value: float) -> str:
        """The name and a recorded number: "accuracy 93.1%", "mean absolute error 44.210 mm Hg"."""
        return f"{self.name} {self.value_text(value)}"

    @property
    def difference_unit(self) -> str:
        """The unit in which people are shown a difference of two scores: "points" of a percentage."""
        return "points" if self.percent else self.unit

    @property
    def error(self) -> Score:
        """How the numbers of ``error_of`` are to be read."""
        if not self.higher_is_better:
            return self
        if self.percent:
            return Score("error", higher_is_better=False, percent=True)
        return Score(f"minus {self.name}", self.unit, higher_is_better=False)

    def error_of(self, value: float) -> float:
        """``value`` so turned that lower is better: what a share lacks to 1, an error, else minus it."""
        if not self.higher_is_better:
            return value
        return 1 - value if self.percent else -value

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: numbers times this are better the higher they are."""
        return 1 if self.higher_is_better else -1

    def better(self, value: float, other: float) -> bool:
        """Whether ``value`` is strictly better than ``other``."""
        return value > other if self.higher_is_better else value < other

    def best(self, values: Iterable[float]) -> float:
        """The best of at least one value."""
        return max(values) if self.higher_is_better else min(values)

    def worst_first(self, values: Sequence[float]) -> list[float]:
        """All values, the worst one first."""
        return sorted(values, reverse=not self.higher_is_better)

    def reaches(self, value: float, target: float) -> bool:
        """Whether ``value`` is at least as good as ``target``."""
        return not self.better(target, value)

    def quality(self, value: float, chance: float) -> float:
        """``value`` on a scale on which higher is better and 1 is perfect, for thresholds such as a gate's.

        Where higher is better this is the score itself. For an error it is the skill score 1 - value / chance
        (Murphy, Monthly Weather Review 116, 1988, equation 4): 0 for what is no better than ``chance``, the
        error of the best answer that ignores the input, and negative below that. An error whose chance is 0
        leaves nothing to learn: its quality is 1 where it is 0 too, and else 0.
        """
        if self.higher_is_better:
            return value
        if chance <= 0:
            return float(value <= 0)
        return 1 - value / chance

    def check(self, name: str, value: float | None) -> None:
        """Raises ValueError, beginning with ``name``, when no model can score ``value``."""
        if value is not None and not value >= 0 and (self.percent or not self.higher_is_better):
            raise ValueError(f"{name}: {self.name} cannot be negative, got {value:g}")
        if value is not None and self.percent and value > 1:
            raise ValueError(f"{name}: {self.name} is a share, got {value:g}")

    def check_target(self, target: float | None) -> None:
        """Raises ValueError when a run can never score ``target``."""
        if target is not None and self.percent and not 0 < target <= 1:
            raise ValueError(f"{self.name} is a share and must lie in (0, 1], got {target:g}")


UNKNOWN = Score("score")
"""What stands in for the score of a run that has not said yet what it measures."""
