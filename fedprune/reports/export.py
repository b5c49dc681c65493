"""Tables and pictures of a report as files, for papers and other tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fedprune.reports.figures import Figure
from fedprune.reports.methods import DIRECTIONS, PARTS, Method
from fedprune.reports.svg import picture
from fedprune.reports.tables import Table, made_with
from fedprune.reports.tickets import RunTickets
from fedprune.runs.files import explained, write_atomic
from fedprune.runs.frames import RunData
from fedprune.types import UserError

if TYPE_CHECKING:
    import polars as pl


class ExportError(UserError):
    """A picture cannot be made in the form that was asked for."""


def _traffic(run: RunData) -> pl.DataFrame:
    """Bytes in a mean round, by direction and part."""
    import polars as pl

    return run.rounds.select(pl.col(f"bytes_{way}_{part}").mean() for way in DIRECTIONS for part in PARTS)


def _environment(run: RunData) -> pl.DataFrame:
    import polars as pl

    facts = made_with(run.environment)
    return pl.DataFrame({title: [fact] for title, fact in facts.items()}, dict.fromkeys(facts, pl.String))


TABLES: dict[str, Callable[[RunData], pl.DataFrame]] = {
    "rounds": lambda run: run.rounds,
    "clients": lambda run: run.clients,
    "layers": lambda run: run.layers,
    "final": lambda run: run.final,
    "results": lambda run: run.results,
    "failures": lambda run: run.failures,
    "traffic": _traffic,
    "environments": _environment,
}
"""Name -> table of a run; each file holds those of all runs, with the run's folder, label and seed."""


def write_tables(methods: Sequence[Method], folder: Path) -> None:
    """Writes ``<table>.csv`` and ``<table>.parquet`` of TABLES into ``folder``."""
    import polars as pl

    for name, table in TABLES.items():
        frames = [
            _about(table(run), row)
            for method in methods
            for run, row in zip(method.runs, method.rows, strict=True)
        ]
        _write(pl.concat(frames), folder / name)


def write_studies(studied: Sequence[RunTickets], folder: Path) -> None:
    """Writes ``tickets_<study>.csv`` and ``.parquet``, a study's second table as ``tickets_<study>_2``.

    Each holds the lines of all runs; numbers are as they are shown.
    """
    import polars as pl

    found: dict[str, list[pl.DataFrame]] = {}
    for run in studied:
        about = {"run": run.run, "label": run.label, "seed": run.seed}
        for study in run.studies:
            for table in study.tables:
                found.setdefault(table.file, []).append(_about(_shown(table), about))
    for name, frames in found.items():
        _write(pl.concat(frames, how="diagonal_relaxed"), folder / name)


def write_pictures(figures: Sequence[Figure], names: Sequence[str], folder: Path, *, png: bool) -> None:
    """Writes ``<figure>.svg`` (and ``.png``, at twice its size, with ``png``) into ``folder``."""
    render = _renderer() if png else None
    for figure in figures:
        text = picture(figure, names)
        write_atomic(folder / f"{figure['id']}.svg", text.encode(), durable=False)
        if render:
            write_atomic(folder / f"{figure['id']}.png", render(text), durable=False)


def _write(table: pl.DataFrame, path: Path) -> None:
    """Both files of a table; lists become words in the CSV."""
    import polars as pl

    with explained("write", path):
        table.write_parquet(path.with_name(f"{path.name}.parquet"))
        nested = [column for column, dtype in table.schema.items() if dtype == pl.List]
        flat = [pl.col(column).list.eval(pl.element().cast(pl.String)).list.join(" ") for column in nested]
        table.with_columns(flat).write_csv(path.with_name(f"{path.name}.csv"))


def _shown(table: Table) -> pl.DataFrame:
    """Columns of numbers as numbers, all others as text; a dash is null."""
    import polars as pl

    names = list(table.header)
    # Two columns of one name belong to those before them: "Jaccard", "by chance", "Hamming", "by chance".
    names = [f"{names[at - 1]} {name}" if names.count(name) > 1 else name for at, name in enumerate(names)]
    columns = {}
    for at, name in enumerate(names):
        texts = [None if row[at].text in ("", "-") else row[at].text for row in table.rows]
        try:
            columns[name] = pl.Series(
                [None if text is None else float(text) for text in texts], dtype=pl.Float64
            )
        except ValueError:
            columns[name] = pl.Series(texts, dtype=pl.String)
    return pl.DataFrame(columns)


def _about(table: pl.DataFrame, row: dict[str, object]) -> pl.DataFrame:
    import polars as pl

    about = {"run": pl.String, "run_label": pl.String, "run_seed": pl.Int64}
    values = (row["run"], row["label"], row["seed"])
    columns = [
        pl.lit(value, dtype).alias(name) for (name, dtype), value in zip(about.items(), values, strict=True)
    ]
    return table.select(*columns, pl.all())


def _renderer() -> Callable[[str], bytes]:
    """SVG text to PNG bytes. Raises ExportError without the extra that does it."""
    try:
        import resvg_py
    except ImportError:
        raise ExportError(
            "PNG pictures need resvg: pip install '.[png]' in the checkout, or leave out --png"
        ) from None
    return lambda text: bytes(resvg_py.svg_to_bytes(svg_string=text, zoom=2))
