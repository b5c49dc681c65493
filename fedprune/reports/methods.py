"""What a report says of a method: its runs, one a seed, as means with 95 % intervals over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fedprune.estimate import Estimate, estimate, student_t
from fedprune.runs import table
from fedprune.runs.frames import RunData, load
from fedprune.score import Score

if TYPE_CHECKING:
    import polars as pl

MEGA = 1e6
"""Bytes in a MB, multiply-adds in a million."""

PARTS = ("values", "mask", "side", "overhead")
DIRECTIONS = ("down", "up")


@dataclass(frozen=True)
class Method:
    """Runs that differ only by seed; ``label`` is unique in a report."""

    label: str
    runs: tuple[RunData, ...]
    rows: tuple[table.Row, ...]

    @property
    def score(self) -> Score:
        """How the scores of its runs are to be read."""
        return self.runs[0].score

    @property
    def complete(self) -> bool:
        """Whether all runs of the method are finished."""
        return all(row["state"] == "complete" for row in self.rows)

    def result(self, name: str, factor: float = 1.0) -> Estimate | None:
        """A field of runs.table.MEASURED over seeds, times ``factor``; None where any run lacks it."""
        values = [row[name] for row in self.rows]
        return None if None in values else estimate([value * factor for value in values])

    def megabytes(self) -> Estimate | None:
        """MB of both directions in all rounds."""
        totals = [row["bytes_up_total"] + row["bytes_down_total"] for row in self.rows]
        return estimate([total / MEGA for total in totals])

    def curve(self, y: pl.Expr) -> pl.DataFrame:
        """``y`` of runs.frames.RunData.rounds by round, where it was measured: mean, interval, traffic.

        Columns: ``round``, ``mb`` (both directions), ``seconds`` (wall-clock) and ``simulated`` (seconds of
        the simulated clock, null without one), all three cumulative means over seeds, ``mean``, ``low``,
        ``high`` (null for a single seed), ``n`` (seeds that measured it then).
        """
        import polars as pl

        spent = (pl.col("bytes_up") + pl.col("bytes_down")).cum_sum() / MEGA
        costs = {
            "mb": spent,
            "seconds": pl.col("seconds").cum_sum(),
            "simulated": pl.col("simulated_seconds_total"),
        }
        runs = pl.concat([run.rounds.select("round", **costs, y=y) for run in self.runs])
        by_round = runs.drop_nulls("y").group_by("round").agg(
            pl.col(*costs).mean(), mean=pl.col("y").mean(), std=pl.col("y").std(), n=pl.len()
        )  # fmt: skip
        t = {n: student_t(n - 1) for n in range(2, len(self.runs) + 1)}
        half = pl.col("std") * pl.col("n").replace_strict(t, default=None, return_dtype=pl.Float64)
        half = half / pl.col("n").sqrt()
        return by_round.sort("round").select(
            "round", *costs, "mean", low=pl.col("mean") - half, high=pl.col("mean") + half, n="n"
        )

    def traffic(self) -> pl.DataFrame:
        """MB by round, direction and part, mean over seeds: ``round``, ``down_values`` to ``up_overhead``."""
        import polars as pl

        names = [f"{direction}_{part}" for direction in DIRECTIONS for part in PARTS]
        runs = pl.concat([run.rounds for run in self.runs])
        means = [(pl.col(f"bytes_{name}").mean() / MEGA).alias(name) for name in names]
        return runs.group_by("round").agg(means).sort("round")

    def layers(self) -> pl.DataFrame:
        """Density by round and layer, mean over seeds; layers in the order of the model."""
        import polars as pl

        runs = pl.concat([run.layers for run in self.runs])
        return runs.group_by("round", "layer", maintain_order=True).agg(pl.col("density").mean())

    def clients(self) -> pl.DataFrame:
        """The score of each client's model: ``seed``, ``client``, ``score``; see ``client_scores``."""
        import polars as pl

        return pl.concat(
            [
                client_scores(run).select(pl.lit(row["seed"]).cast(pl.Int64).alias("seed"), "client", "score")
                for run, row in zip(self.runs, self.rows, strict=True)
            ]
        )

    @property
    def alone(self) -> bool:
        """Whether its clients learn alone: neither weights nor masks ever travelled."""
        import polars as pl

        sent = [f"bytes_{way}_{part}" for way in DIRECTIONS for part in ("values", "mask", "side")]
        return all(
            run.rounds.height and not run.rounds.select(pl.sum_horizontal(sent).sum()).item()
            for run in self.runs
        )

    @property
    def evaluated(self) -> bool:
        """Whether ``clients`` comes from the final evaluation of all clients."""
        return all(run.final.height for run in self.runs)


def methods(folders: Sequence[Path]) -> list[Method]:
    """The runs in ``folders`` by method, in order of their first. Raises RunError (see runs.table)."""
    rows = table.results_table(folders)
    runs = {id(row): load(folder) for row, folder in zip(rows, folders, strict=True)}
    groups = [sorted(group, key=lambda row: row["seed"]) for group in table.grouped(rows)]
    labels = [row["label"] for row in table.group_seeds(rows)]
    return [
        Method(label, tuple(runs[id(row)] for row in group), tuple(group))
        for label, group in zip(labels, groups, strict=True)
    ]


def client_scores(run: RunData) -> pl.DataFrame:
    """``client`` and ``score`` of each client, sorted by client.

    From the final evaluation (``test_score_personal``); where a run has none (yet), after the client's
    last evaluated round (``test_score_after``).
    """
    if run.final.height:
        found = run.final.select("client", score="test_score_personal")
    else:
        measured = run.clients.select("client", score="test_score_after").drop_nulls()
        found = measured.unique("client", keep="last")
    return found.drop_nulls().sort("client")


def pareto(points: Iterable[tuple[str, float, float]], score: Score) -> list[tuple[str, float, float]]:
    """The Pareto front: those (label, cost, score) that no other beats in both, by rising cost.

    Points of equal cost and score are level: they are on it together.
    """
    front: list[tuple[str, float, float]] = []
    for point in sorted(points, key=lambda point: (point[1], -score.sign * point[2])):
        if not front or score.better(point[2], front[-1][2]) or point[1:] == front[-1][1:]:
            front.append(point)
    return front
