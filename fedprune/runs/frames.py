"""A run as data: ``fedprune.load(RUN)`` reads a run folder into polars tables and numpy arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedprune.runs.files import RunError, explained, read_file, read_json
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import METRICS, Metric
from fedprune.runs.personal import personal_rows
from fedprune.runs.table import scenario_of
from fedprune.runs.task import read_score
from fedprune.score import Score
from fedprune.types import Arrays

if TYPE_CHECKING:
    import polars as pl

_NESTED = {"failed", "missing", "density_layers"}
"""Fields that have a table of their own."""
_TEXT, _WHOLE = {"label", "score", "score_unit", "score_better", "kind"}, {"", "bytes"}
_FLAGS = {"chosen"}
_COUNTS = {"samples", "rounds_accepted", "clients_never_sampled"}
"""Counts that are no mean over clients."""


@dataclass(frozen=True)
class RunData:
    """The contents of a run folder as tables, each read when first asked for.

    Tables are polars data frames whose columns are the fields of ``docs/metrics.md`` in their units: shares
    in [0, 1], bytes, seconds; null is null. A run that is not finished has the rounds it has.
    """

    path: Path

    @cached_property
    def folder(self) -> RunFolder:
        """The run folder itself, opened for reading."""
        return RunFolder.open(self.path)

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario: section -> key -> value."""
        return scenario_of(self.folder)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """The environment that the run was made in: versions, commit, machine (see runs.environment)."""
        return self.folder.environment

    @cached_property
    def status(self) -> dict[str, Any]:
        """Where the run stands: ``state``, ``round`` and ``label``."""
        return self.folder.read_status()

    @cached_property
    def score(self) -> Score:
        """What the run's scores measure, in which unit, and which way is better."""
        return read_score(self.path)

    @cached_property
    def partition(self) -> dict[str, Any]:
        """``settings``, ``hash``, and per client its counts and labels; empty before the first round."""
        path = self.path / "partition.json"
        return read_json(path) if path.exists() else {}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """``results.json`` as it is; empty while the run is not finished."""
        path = self.path / "results.json"
        return read_json(path) if path.exists() else {}

    @cached_property
    def rounds(self) -> pl.DataFrame:
        """One row a round; ``clients`` is the list of sampled ids."""
        return _frame(self._rounds, METRICS["rounds.jsonl"])

    @cached_property
    def failures(self) -> pl.DataFrame:
        """One row for each reply that does not count: ``round``, ``client``, ``reason``, ``fate``."""
        import polars as pl

        rows = [
            (line["round"], failed["client"], failed["reason"], failed.get("fate"))
            for line in self._rounds
            for failed in line.get("failed") or ()
        ]
        schema = {"round": pl.Int64, "client": pl.Int64, "reason": pl.String, "fate": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def layers(self) -> pl.DataFrame:
        """Kept share by prunable weight, mean over a round's clients: ``round``, ``layer``, ``density``."""
        import polars as pl

        rows = [
            (line["round"], layer, density)
            for line in self._rounds
            for layer, density in (line.get("density_layers") or {}).items()
        ]
        schema = {"round": pl.Int64, "layer": pl.String, "density": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def clients(self) -> pl.DataFrame:
        """One row for each accepted reply, in the order in which they were accepted."""
        return _parsed(self.folder.clients, METRICS["clients.jsonl"])

    @cached_property
    def final(self) -> pl.DataFrame:
        """One row for each client in the final evaluation; none in a run that is not finished."""
        return _parsed(self.folder.final_clients, METRICS["final.jsonl"])

    @cached_property
    def personal(self) -> pl.DataFrame:
        """One row for each client and model after the last round; none where nothing was personalized."""
        return _frame(personal_rows(self.path), METRICS["personal.jsonl"])

    @cached_property
    def results(self) -> pl.DataFrame:
        """One row with ``results.json`` (its densities by layer are in ``summary``); none before the end."""
        return _frame([self.summary] if self.summary else [], METRICS["results.json"])

    def masks(self, client: int) -> dict[str, Any]:
        """Parameter name -> bool array of the client's final mask, True where a weight lives.

        Empty where the run has no mask of the client: nothing is pruned, or it never took part. Raises
        RunError when the run is not finished or the file is damaged.
        """
        self._finished("masks")
        name = f"mask-{client}"
        if not (self.path / "final" / f"{name}.safetensors").exists():
            return {}
        return dict(self.folder.read_final(name))

    def weights(self) -> Arrays:
        """The final global weights by parameter name, float32. Raises RunError when the run is not finished
        or the file is damaged."""
        self._finished("weights")
        return self.folder.read_final("weights")

    def _finished(self, what: str) -> None:
        if not self.summary:
            raise RunError(
                f"{self.path}: no final {what}, the run is not finished;"
                f" go on with: fedprune resume {self.path}"
            )

    @cached_property
    def _rounds(self) -> list[dict[str, Any]]:
        return read_lines(self.folder.rounds)


def load(run: str | Path) -> RunData:
    """The run in folder ``run``. Raises RunError when it is none; damaged files are told on reading."""
    data = RunData(Path(run))
    _ = data.scenario
    return data


def _schema(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Column -> polars type of a file's flat fields."""
    import polars as pl

    def dtype(name: str, metric: Metric) -> Any:
        if name in _TEXT or name in _FLAGS:
            return pl.String if name in _TEXT else pl.Boolean
        return pl.Int64 if metric.unit in _WHOLE or name in _COUNTS else pl.Float64

    schema = {name: dtype(name, metric) for name, metric in metrics.items() if name not in _NESTED}
    if "clients" in schema and "train_loss" in schema:
        schema["clients"] = pl.List(pl.Int64)
    return schema


def _frame(records: list[dict[str, Any]], metrics: Mapping[str, Metric]) -> pl.DataFrame:
    import polars as pl

    schema = _schema(metrics)
    rows = [{name: record.get(name) for name in schema} for record in records]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _parsed(path: Path, metrics: Mapping[str, Metric]) -> pl.DataFrame:
    """The flat records of a file that may be long: parsed by polars, ten times as fast as line by line.

    As in runs.log a torn last line is left out and a missing file has none. Raises RunError for a damaged
    one.
    """
    import polars as pl

    with explained("read", path):
        data = read_file(path) if path.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    schema = _schema(metrics)
    if not whole:
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_ndjson(io.BytesIO(whole), schema=schema)
    except pl.exceptions.PolarsError as error:
        read_lines(path)
        raise RunError(f"{path}: {error}; the file is damaged") from error
