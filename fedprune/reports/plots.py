"""The report's pictures as Altair charts, for notebooks: ``run.plot.accuracy_by_bytes()``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedprune.reports import costs, figures, partition, personal, scores, traffic, vega
from fedprune.reports.figures import Figure
from fedprune.reports.gains import gains
from fedprune.reports.methods import Method, methods
from fedprune.runs.table import scores_of
from fedprune.score import Score
from fedprune.types import UserError

if TYPE_CHECKING:
    import altair


class PlotError(UserError):
    """A picture cannot be drawn: nothing was measured for it, or Altair is missing."""


class Plots:
    """The pictures of some runs; each method returns an Altair chart, which a notebook shows.

    "Accuracy" is whatever the task's score is. Where a picture has several parts (a panel for each method, a
    chart for each kind of score), the chart holds them one below the other. All need ``fedprune[notebook]``.
    All methods raise PlotError where nothing was measured that could be drawn, or Altair is not installed.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    @cached_property
    def _methods(self) -> list[Method]:
        return methods(self._folders)

    def accuracy_by_bytes(self) -> altair.TopLevelMixin:
        """The score against the bytes sent so far, with the Pareto front of the final evaluations."""
        return self._scored(scores.by_bytes)

    def personal(self) -> altair.TopLevelMixin:
        """The score of clients' models after the last round against their bytes; needs [personalize]."""
        return self._scored(personal.by_size)

    def accuracy_by_multiply_adds(self) -> altair.TopLevelMixin:
        """The final score against the multiply-adds of a forward pass of the shrunk model."""
        return self._scored(_against(costs.MULTIPLY_ADDS))

    def accuracy_by_latency(self) -> altair.TopLevelMixin:
        """The final score against the time to answer one query; needs runs with ``[evaluate] latency``."""
        return self._scored(_against(costs.LATENCY))

    def accuracy_by_density(self) -> altair.TopLevelMixin:
        """The final score against the kept share of the weights."""
        return self._scored(_against(costs.DENSITY))

    def accuracy_by_seconds(self) -> altair.TopLevelMixin:
        """The score against wall-clock seconds of the machine that simulated the run."""
        return self._scored(_against(costs.SECONDS))

    def accuracy_by_simulated_seconds(self) -> altair.TopLevelMixin:
        """The score against the seconds of the scenario's simulated clock; needs runs with ``[clock]``."""
        return self._scored(_against(costs.SIMULATED))

    def accuracy_by_round(self) -> altair.TopLevelMixin:
        """The score of sampled clients after local training, the global model's, and the loss, by round."""
        return self._scored(scores.by_round)

    def clients(self) -> altair.TopLevelMixin:
        """Every client's score, with mean, median and the mean of the worst tenth."""
        return self._scored(scores.distribution)

    def gains(self) -> altair.TopLevelMixin:
        """What each client gains over learning alone; needs a run in which nothing travels among the runs."""
        return self._scored(gains)

    def multiply_adds(self) -> altair.TopLevelMixin:
        """Multiply-adds of a forward pass, by round."""
        return self._drawn(figures.work(self._methods))

    def parts(self) -> altair.TopLevelMixin:
        """MB of weights, masks, side information and headers in a mean round, on a logarithmic axis."""
        return self._drawn(traffic.parts(self._methods))

    def traffic(self) -> altair.TopLevelMixin:
        """MB by round, direction and part."""
        return self._drawn(traffic.by_round(self._methods))

    def densities(self) -> altair.TopLevelMixin:
        """Each layer's density by round."""
        return self._drawn(figures.densities(self._methods))

    def partition(self) -> altair.TopLevelMixin:
        """Which client holds how many training samples of which label."""
        return self._drawn(partition.partitions(self._methods))

    def _scored(self, make: Callable[[Sequence[Method], Score], list[Figure]]) -> altair.TopLevelMixin:
        kinds = scores_of([method.score.record() for method in self._methods])
        return self._drawn([figure for score in kinds for figure in make(self._methods, score)])

    def _drawn(self, found: Sequence[Figure]) -> altair.TopLevelMixin:
        """The figures as one chart."""
        try:
            import altair
        except ImportError:
            raise PlotError(
                "pictures in Python need Altair: pip install '.[notebook]' in the checkout"
            ) from None
        if not found:
            raise PlotError("nothing was measured in these runs that this picture could show")
        names = [method.label for method in self._methods]
        charts: list[Any] = [altair.Chart.from_dict(vega.spec(figure, names)) for figure in found]
        if len(charts) == 1:
            return charts[0]
        own = dict.fromkeys(("color", "shape", "strokeDash"), "independent")
        return altair.vconcat(*charts).resolve_scale(**own)


def _against(cost: costs.Cost) -> Callable[[Sequence[Method], Score], list[Figure]]:
    return lambda methods, score: costs.against(cost, methods, score)
