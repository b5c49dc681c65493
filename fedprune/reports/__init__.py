"""One self-contained HTML file about any number of runs, with its tables and pictures as files beside it.

``methods`` groups runs by method; ``costs``, ``scores``, ``gains``, ``figures``, ``personal``, ``traffic``,
``partition``, ``tables``, ``level`` and ``tickets`` compute all numbers and words. ``page`` and its scripts
show them, ``svg`` and ``export`` write them for papers, ``vega`` and ``plots`` draw them in notebooks;
``looks`` holds the colours of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fedprune.reports import export, figures, personal, scores, tables, traffic
from fedprune.reports.gains import gains
from fedprune.reports.methods import Method, methods
from fedprune.reports.page import page
from fedprune.reports.partition import partitions
from fedprune.reports.place import SUFFIX, own_place
from fedprune.reports.tickets import tickets
from fedprune.runs.files import RunError, explained, write_atomic
from fedprune.runs.table import scores_of
from fedprune.score import Score


def write(folders: Sequence[Path], target: Path | None = None, *, png: bool = False) -> Path:
    """Writes the report on the runs in ``folders`` to ``target`` (``.html``), and returns its path.

    Without ``target`` it gets a name of its own in ``reports`` beside the runs (see reports.place).

    The folder of the same name without suffix gets each table as CSV and Parquet and each picture as SVG, and
    as PNG when asked for. Raises RunError for what is no run folder or damaged, or when the disk refuses.
    """
    if target is not None and target.suffix != SUFFIX:
        raise RunError(f"{target}: a report is an HTML file: give it a name that ends in {SUFFIX}")
    if not folders:
        raise RunError("a report needs a run: give at least one run folder")
    found = methods(folders)
    names = list(dict.fromkeys(str(row["name"]) for method in found for row in method.rows))
    path = target or own_place(folders, names)
    sections = _sections(found)
    studied = tickets(found)
    drawn = [figure for _, group in sections for figure in group]
    drawn += [figure for run in studied for figure in run.figures]
    shown = [
        tables.results(found),
        personal.table(found),
        tables.traffic(found),
        tables.failures(found),
        tables.environments(found),
    ]
    beside = path.with_suffix("")
    present = [table for table in shown if table is not None]
    text = page(found, sections, present, studied, ", ".join(names), beside.name)
    with explained("make", beside):
        beside.mkdir(parents=True, exist_ok=True)
    export.write_tables(found, beside)
    export.write_studies(studied, beside)
    export.write_pictures(drawn, [method.label for method in found], beside, png=png)
    write_atomic(path, text.encode(), durable=False)
    return path


def _sections(found: Sequence[Method]) -> list[tuple[str, list[figures.Figure]]]:
    """The sections of the page: each heading with its figures."""
    kinds = scores_of([method.score.record() for method in found])
    what = kinds[0].name if len(kinds) == 1 else "scores"
    return [
        (f"{what[:1].upper()}{what[1:]} and what it costs", _each(scores.by_cost, found, kinds)),
        (personal.HEADING, _each(personal.by_size, found, kinds)),
        ("Clients", [*_each(scores.distribution, found, kinds), *_each(gains, found, kinds)]),
        ("Rounds", [*_each(scores.by_round, found, kinds), *figures.work(found)]),
        ("Bytes by part, direction and round", [*traffic.parts(found), *traffic.by_round(found)]),
        ("Density by layer", figures.densities(found)),
        ("Partition: who holds what", partitions(found)),
    ]


def _each(
    make: Callable[[Sequence[Method], Score], list[figures.Figure]],
    found: Sequence[Method],
    kinds: Sequence[Score],
) -> list[figures.Figure]:
    """The figures of every kind of score."""
    return [figure for score in kinds for figure in make(found, score)]
