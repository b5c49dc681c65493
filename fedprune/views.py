"""Runs as Python and notebooks show them: ``load`` one, ``report`` on several, plots and tables of both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedprune.runs.frames import RunData
from fedprune.types import Arrays

if TYPE_CHECKING:
    from fedprune.federation.finished import FinishedFederation
    from fedprune.personal.model import PersonalModel
    from fedprune.reports.plots import Plots
    from fedprune.reports.tables import Table

RunLike = str | Path | RunData
"""What a run can be given as: its folder, or what ``load`` returned."""


@dataclass(frozen=True)
class Run(RunData):
    """A run as data (see ``RunData``), with its pictures and its table of results."""

    @property
    def plot(self) -> Plots:
        """The report's pictures of this run as Altair charts: ``run.plot.accuracy_by_bytes()``."""
        return plots([self.path])

    def model(self, client: int, *, personalized: bool = False) -> PersonalModel:
        """The client's personal model as a torch module in evaluation mode, from stored features to outputs.

        It is the model that ``weights(client)`` gives, without the channels that its mask removed; with
        ``personalized`` the one that the client chose in ``fedprune personalize``. Raises RunError when the
        run is not finished, or has no such client.
        """
        from fedprune.personal.model import personal_model

        return personal_model(self.finished, client, personalized=personalized)

    def masks(self, client: int) -> dict[str, Any]:
        """Parameter name -> bool array: True where a weight lives of the model that ``weights`` gives.

        A parameter without an entry is dense; empty where nothing is pruned. It is the client's own mask,
        which a few methods (FedSelect, DisPFL) tell apart from the one that travels. Raises RunError when the
        run is not finished, or has no such client.
        """
        return dict(self.finished.held(client).mask)

    def weights(self, client: int | None = None) -> Arrays:
        """Parameter name -> float32 array: the server's last weights, or those of one client's model.

        A client's model is its own last one where its method keeps one, else what it would be sent now; see
        ``test_score_personal`` and ``test_score_received`` in docs/metrics.md. It is zero where it is pruned.
        Raises RunError when the run is not finished, or has no such client.
        """
        return super().weights() if client is None else self.finished.held(client).weights

    @cached_property
    def finished(self) -> FinishedFederation:
        """The run's server and clients as its last round left them. Raises RunError when it is not
        finished."""
        from fedprune.federation.finished import FinishedFederation

        return FinishedFederation.open(self.path)

    def _repr_html_(self) -> str:
        return f"<p>Run in <code>{escape(str(self.path))}</code></p>\n{results([self.path])._repr_html_()}"


@dataclass(frozen=True)
class Report:
    """A written report: the HTML file at ``path``, and the runs that it shows."""

    path: Path
    folders: tuple[Path, ...]

    @property
    def plot(self) -> Plots:
        """The report's pictures as Altair charts: ``report.plot.accuracy_by_bytes()``."""
        return plots(self.folders)

    @property
    def table(self) -> Table:
        """The report's table of results, which a notebook shows as one."""
        return results(self.folders)

    def _repr_html_(self) -> str:
        link = escape(os.path.relpath(self.path))
        return f"<p>Report: <a href='{link}' target='_blank'>{link}</a></p>\n{self.table._repr_html_()}"


def load(run: str | Path) -> Run:
    """The run in folder ``run``. Raises RunError when it is none; damaged files are told on reading."""
    data = Run(Path(run))
    _ = data.scenario
    return data


def report(runs: RunLike | Sequence[RunLike], *, out: str | Path | None = None, png: bool = False) -> Report:
    """Writes one HTML file that shows the runs side by side, and tables and pictures in a folder beside it.

    Args:
        runs: run folders, or runs that were loaded; one or several.
        out: the HTML file; by default one with a name of its own in ``reports`` beside the runs.
        png: whether pictures are written as PNG too (needs ``fedprune[png]``).

    Raises:
        UserError: for what is no run folder or damaged, or when the disk refuses.
    """
    from fedprune.reports import write

    folders = folders_of(runs)
    return Report(write(folders, None if out is None else Path(out), png=png), tuple(folders))


def folders_of(runs: RunLike | Sequence[RunLike]) -> list[Path]:
    """The folders of runs, however these are given."""
    several = [runs] if isinstance(runs, str | Path | RunData) else runs
    return [run.path if isinstance(run, RunData) else Path(run) for run in several]


def plots(folders: Sequence[Path]) -> Plots:
    """The pictures of the runs in these folders."""
    from fedprune.reports.plots import Plots

    return Plots(folders)


def results(folders: Sequence[Path]) -> Table:
    """The table of results of the runs in these folders."""
    from fedprune.reports import tables
    from fedprune.reports.methods import methods

    return tables.results(methods(folders))
